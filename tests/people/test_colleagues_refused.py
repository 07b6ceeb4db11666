"""What cannot be done with a colleague is refused by name, and changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from payments.core.errors import Conflict, Forbidden, Invalid, NotFound
from payments.people.actors import Caller
from payments.people.models import Approval, AuditLog, OneTimeLink, Role, SecondFactor, SignIn, User
from payments.people.services import gate
from payments.services import colleagues
from tests.builders import Shop, open_shop
from tests.people.cast import person, signed_in

pytestmark = pytest.mark.django_db

OWNER, FINANCE, CLERK, AUDITOR = Role.Name.OWNER, Role.Name.FINANCE, Role.Name.CLERK, Role.Name.AUDITOR


@pytest.fixture(autouse=True)
def _own_counts(settings: Settings, request: pytest.FixtureRequest) -> None:
    settings.REDIS_PREFIX += f"{request.node.name}:"


@pytest.fixture
def shop() -> Shop:
    return open_shop()


@pytest.fixture
def owner(shop: Shop) -> User:
    return person("olga@shop.example", shop.merchant.id, role=OWNER)


def colleague(shop: Shop, role: Role.Name = CLERK, **columns: Any) -> User:
    """Carl, who works here and has joined with a password alone."""
    carl = person("carl@shop.example", shop.merchant.id, role=role, proved=False)
    carl.email = columns.get("email", "carl@shop.example")
    carl.set_password("twelve tulips in a vase")
    carl.save()
    return carl


@pytest.mark.parametrize("address", ["carl", "carl@", "carl@shop", "carl shop@shop.example"])
def test_an_invitation_goes_to_an_address(owner: User, shop: Shop, address: str) -> None:
    with pytest.raises(Invalid) as refused:
        colleagues.invite(address=address, merchant_id=shop.merchant.id, channel_id=None, role=CLERK, by=owner)
    assert (refused.value.code, refused.value.param) == ("email_invalid", "email")
    assert User.objects.count() == 1


def test_who_has_an_account_gets_no_second_one(owner: User, shop: Shop) -> None:
    colleague(shop)
    with pytest.raises(Conflict) as refused:
        colleagues.invite(
            address=" CARL@shop.example", merchant_id=shop.merchant.id, channel_id=None, role=FINANCE, by=owner
        )
    assert refused.value.code == "user_exists"
    assert not Role.objects.filter(role=FINANCE).exists()


def test_a_role_is_held_once(owner: User, shop: Shop) -> None:
    carl = colleague(shop)
    with pytest.raises(Conflict) as refused:
        colleagues.give_role(carl, merchant_id=shop.merchant.id, channel_id=None, role=CLERK, by=owner)
    assert refused.value.code == "role_held"
    assert carl.roles.count() == 1
    assert not AuditLog.objects.filter(action="user.role_given").exists()


def test_who_may_do_more_than_look_is_sent_a_link_for_a_second_factor(owner: User, shop: Shop) -> None:
    anton = colleague(shop, AUDITOR)
    colleagues.give_role(anton, merchant_id=shop.merchant.id, channel_id=None, role=CLERK, by=owner)
    assert OneTimeLink.objects.get(user=anton).purpose == OneTimeLink.Purpose.INVITATION


def test_who_has_a_second_factor_needs_no_link_for_another_role(owner: User, shop: Shop) -> None:
    anton = colleague(shop, AUDITOR)
    SecondFactor.objects.create(user=anton, name="app")
    colleagues.give_role(anton, merchant_id=shop.merchant.id, channel_id=None, role=CLERK, by=owner)
    assert not OneTimeLink.objects.exists()


def test_a_role_is_taken_once_also_by_two_at_the_same_moment(
    owner: User, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    carl = colleague(shop)
    role_id = carl.roles.get().pk
    check: Callable[..., None] = gate.check

    def another_is_faster(*args: Any, **more: Any) -> None:
        check(*args, **more)
        Role.objects.filter(pk=role_id).delete()

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(gate, "check", another_is_faster)
        with pytest.raises(NotFound):
            colleagues.take_role(carl, role_id=role_id, by=owner)
    with pytest.raises(NotFound):
        colleagues.take_role(carl, role_id=role_id, by=owner)
    assert not AuditLog.objects.filter(action="user.role_taken").exists()


def test_who_has_joined_is_not_invited_again(owner: User, shop: Shop) -> None:
    carl = colleague(shop)
    SecondFactor.objects.create(user=carl, name="app")
    with pytest.raises(Conflict) as refused:
        colleagues.invite_again(carl, merchant_id=shop.merchant.id, by=owner)
    assert refused.value.code == "has_joined"
    assert not OneTimeLink.objects.exists()


def test_nobody_is_recovered_who_can_be_written_to_nowhere(owner: User, shop: Shop) -> None:
    with pytest.raises(Conflict) as refused:
        colleagues.ask_recovery(colleague(shop, email=""), merchant_id=shop.merchant.id, by=owner)
    assert refused.value.code == "email_missing"
    assert not Approval.objects.exists()


def test_a_recovery_that_is_declined_takes_nothing_away(owner: User, shop: Shop) -> None:
    carl, fenna = colleague(shop), person("fenna@shop.example", shop.merchant.id, role=OWNER)
    SecondFactor.objects.create(user=carl, name="app")
    signed_in(carl)
    colleagues.ask_recovery(carl, merchant_id=shop.merchant.id, by=owner)
    colleagues.decide_recovery(carl.id, user=fenna, approved=False, note="He is here, with his phone.")
    assert SignIn.objects.get(user=carl).ended_at is None
    assert SecondFactor.objects.filter(user=carl).exists()
    assert not OneTimeLink.objects.exists()


def test_a_key_gives_no_role_and_a_command_on_the_server_any(shop: Shop) -> None:
    carl, merchant = colleague(shop), shop.merchant.id
    key = Caller(key_id="key_1", merchant_id=merchant, channel_id=None, test_mode=True, scopes=("all",))
    assert not colleagues.may_give(key, CLERK, merchant, None)
    with pytest.raises(Forbidden):
        colleagues.give_role(carl, merchant_id=merchant, channel_id=None, role=FINANCE, by=key)
    colleagues.give_role(carl, merchant_id=merchant, channel_id=None, role=OWNER, by="command")
    assert set(carl.roles.values_list("role", flat=True)) == {CLERK, OWNER}


def test_who_has_left_manages_nobody(owner: User, shop: Shop) -> None:
    root = User.objects.create_user("root", is_superuser=True)
    carl = colleague(shop)
    assert colleagues.may_manage(carl, root)
    root.is_active = False
    assert not colleagues.may_manage(carl, root)
    assert not colleagues.may_manage(root, owner)
