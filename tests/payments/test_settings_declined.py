"""What a second person declines about a live merchant's settings stays as it was."""

import pytest

from payments.core.errors import Conflict, NotFound, ValidationFailed
from payments.models import ProviderAccount
from payments.people.models import Approval, Role, User
from payments.services import decide_alone, update_setup
from payments.services.setting_approvals import decide_account, decide_change, request_provider_account
from tests.builders import Shop, fresh, open_shop
from tests.people.cast import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def live() -> Shop:
    return open_shop(mode="live", second_person_above=10_000)


@pytest.fixture
def anna(live: Shop) -> User:
    return person("anna", live.merchant.id, role=Role.Name.OWNER)


@pytest.fixture
def bob(live: Shop) -> User:
    return person("bob", live.merchant.id, role=Role.Name.OWNER)


def test_one_person_alone_decides_nothing_yet(live: Shop, anna: User, bob: User) -> None:
    assert decide_alone.switch(live.merchant, on=True, actor=anna) is not None
    decide_alone.decide(live.merchant.id, user=bob, approved=False, note="I am here.")
    assert fresh(live.merchant).decides_alone_from is None
    assert Approval.objects.get().decision == "rejected"


def test_no_account_is_added(live: Shop, anna: User, bob: User) -> None:
    before = ProviderAccount.objects.count()
    approval = request_provider_account(
        merchant=live.merchant, provider="external", name="Another acquirer", currency="EUR", actor=anna
    )
    assert isinstance(approval, Approval)
    decide_account(approval.subject_id, user=bob, approved=False, note="We have one.")
    assert ProviderAccount.objects.count() == before
    with pytest.raises(Conflict):  # and it is not agreed to afterwards
        decide_account(approval.subject_id, user=bob, approved=True, note="")
    assert ProviderAccount.objects.count() == before


def test_a_channel_keeps_the_ways_it_gives_money_back(live: Shop, anna: User, bob: User) -> None:
    for approved, routes in ((False, None), (True, ["original"])):
        update_setup.amend_channel(live.store, changes={"refund_routes": ["original"]}, actor=anna)
        decide_change(live.store.id, user=bob, approved=approved, note="")
        assert fresh(live.store).refund_routes == routes


@pytest.mark.parametrize("subject", ["mer_unknown", "chn_unknown", "pac_unknown"])
def test_there_is_nothing_to_decide_about_what_does_not_exist(bob: User, subject: str) -> None:
    for decide in (decide_change, decide_account):
        with pytest.raises(NotFound):
            decide(subject, user=bob, approved=True, note="")


def test_what_cannot_be_changed_is_a_defect_of_ours_and_what_is_unknown_a_fault_of_theirs(
    live: Shop, anna: User
) -> None:
    with pytest.raises(ValueError, match="mode cannot be changed"):
        update_setup.amend_merchant(live.merchant, changes={"mode": "test"}, actor=anna)
    account = open_shop("Proef").account("simulator")  # the external provider takes any credential
    wrong = {"4111 1111 1111 1111": "x", "secretkey": "y"}
    with pytest.raises(ValidationFailed) as refused:
        update_setup.amend_provider_account(account, changes={}, credentials=wrong, actor="tests")
    assert [fault.param for fault in refused.value.faults] == ["credentials.[redacted]", "credentials.secretkey"]


def test_a_change_to_what_it_is_already_asks_nobody(live: Shop, anna: User, bob: User) -> None:
    same = {"name": live.store.name, "refund_routes": None}
    assert update_setup.amend_channel(live.store, changes=same, actor=anna) is None
    assert not Approval.objects.exists()
