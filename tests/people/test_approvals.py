"""A second person decides: with the role, with a second factor just proved, and never about their own request."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from payments.core.errors import Conflict, Forbidden
from payments.people.models import Approval, AuditLog, Role, User
from payments.people.permissions import GRANTS, May, may, may_somewhere, within
from payments.people.services import approvals
from payments.people.services.approvals import decide, request, withdraw
from tests.people.cast import person

pytestmark = pytest.mark.django_db

MERCHANT = "mer_00000000000000000000000001"
OTHER_MERCHANT = "mer_00000000000000000000000002"
STORE = "chn_00000000000000000000000001"
OTHER_STORE = "chn_00000000000000000000000002"


class Subject(Approval):
    """Anything that can wait."""

    OBJECT = "refund"

    class Meta:
        proxy = True
        app_label = "people"


def ask(action: str = Approval.Action.REFUND, by: str = "key_1", channel_id: str | None = STORE) -> Approval:
    return request(
        subject=Subject(id="ref_1"), action=action, merchant_id=MERCHANT, channel_id=channel_id, requested_by=by
    )


def refusal(user: User, action: str = Approval.Action.REFUND) -> str:
    with pytest.raises(Forbidden) as refused:
        decide(subject_id="ref_1", action=action, user=user, approved=True, note="")
    assert Approval.objects.get().decision is None
    return refused.value.code


def test_what_a_second_person_says_is_written_down() -> None:
    ask()
    finance = person("finance", MERCHANT)
    row = decide(subject_id="ref_1", action="refund", user=finance, approved=True, note="Seen.")

    assert (row.decision, row.decided_by, row.note, row.subject_type) == ("approved", finance, "Seen.", "refund")
    log = AuditLog.objects.get()
    assert (log.actor, log.action, log.object_id, log.merchant_id) == (
        finance.id,
        "refund.approved",
        row.id,
        MERCHANT,
    )
    with pytest.raises(Conflict, match="approval_not_open"):
        decide(subject_id="ref_1", action="refund", user=finance, approved=False, note="")


def test_never_ones_own_request() -> None:
    finance = person("finance", MERCHANT)
    ask(by=finance.id)
    assert refusal(finance) == "own_request"


def test_not_even_a_superusers() -> None:
    root = User.objects.create_superuser("root")
    root.second_factor_at = timezone.now()
    ask(by=root.id)
    assert refusal(root) == "own_request"


def test_not_even_past_the_services() -> None:
    finance = person("finance", MERCHANT)
    row = ask(by=finance.id)
    values = {"decided_by": finance, "decided_at": timezone.now(), "decision": "approved"}
    with pytest.raises(IntegrityError, match="approval_never_ones_own"), transaction.atomic():
        Approval.objects.filter(id=row.id).update(**values)


def test_half_a_decision_is_none() -> None:
    row = ask()
    with pytest.raises(IntegrityError, match="approval_decided_whole"), transaction.atomic():
        Approval.objects.filter(id=row.id).update(decision="approved")


def test_one_question_at_a_time() -> None:
    ask()
    with pytest.raises(IntegrityError, match="approval_open_once"), transaction.atomic():
        ask()


def test_without_a_second_factor_just_proved_nothing_is_decided() -> None:
    ask()
    assert refusal(person("finance", MERCHANT, proved=False)) == "second_factor_required"
    stale = person("late", MERCHANT)
    stale.second_factor_at = timezone.now() - approvals.SECOND_FACTOR_LASTS - timedelta(seconds=1)
    assert refusal(stale) == "second_factor_required"


@pytest.mark.parametrize("role", [Role.Name.CLERK, Role.Name.AUDITOR])
def test_a_role_that_does_not_decide_is_refused(role: Role.Name) -> None:
    ask()
    assert refusal(person("somebody", MERCHANT, role=role)) == "permission_missing"


def test_another_merchants_or_stores_people_are_refused() -> None:
    ask()
    assert refusal(person("elsewhere", OTHER_MERCHANT)) == "permission_missing"
    manager = Role.Name.STORE_MANAGER
    assert refusal(person("other store", MERCHANT, role=manager, channel_id=OTHER_STORE)) == "permission_missing"
    somebody = person("gone", MERCHANT)
    somebody.is_active = False
    assert refusal(somebody) == "permission_missing"


def test_a_store_manager_decides_about_refunds_of_the_store_and_nothing_else() -> None:
    manager = person("manager", MERCHANT, role=Role.Name.STORE_MANAGER, channel_id=STORE)
    ask(Approval.Action.WRITE_OFF)
    assert refusal(manager, Approval.Action.WRITE_OFF) == "permission_missing"
    withdraw(subject_id="ref_1", action="write_off", actor="system")
    ask()
    assert decide(subject_id="ref_1", action="refund", user=manager, approved=False, note="").decision == "rejected"


def test_what_a_channels_person_may_do_ends_at_the_channel() -> None:
    manager = person("manager", MERCHANT, role=Role.Name.STORE_MANAGER, channel_id=STORE)
    assert may(manager, May.REFUND, merchant_id=MERCHANT, channel_id=STORE)
    assert not may(manager, May.REFUND, merchant_id=MERCHANT, channel_id=OTHER_STORE)
    assert not may(manager, May.REFUND, merchant_id=MERCHANT, channel_id=None)
    assert may_somewhere(manager, May.REFUND)
    assert not may_somewhere(manager, May.SEE_BOOKS)


def test_lists_show_what_one_may_see() -> None:
    here, there, whole = (
        ask(action, channel_id=channel)
        for action, channel in (("refund", STORE), ("write_off", OTHER_STORE), ("forced_match", None))
    )
    manager = person("manager", MERCHANT, role=Role.Name.STORE_MANAGER, channel_id=STORE)
    clerk_elsewhere = person("clerk", OTHER_MERCHANT, role=Role.Name.CLERK)
    root = User.objects.create_superuser("root")

    def seen(user: User) -> set[Approval]:
        return set(Approval.objects.filter(within(user, May.SEE)))

    assert seen(manager) == {here}
    assert seen(person("auditor", MERCHANT, role=Role.Name.AUDITOR)) == {here, there, whole}
    assert seen(root) == {here, there, whole}
    assert seen(clerk_elsewhere) == set()
    assert seen(User.objects.create_user("nobody")) == set()


def test_every_role_has_its_line_in_the_table() -> None:
    assert set(GRANTS) == set(Role.Name)
    assert GRANTS[Role.Name.OWNER] == frozenset(May)
    assert all(May.SEE in granted for granted in GRANTS.values())
