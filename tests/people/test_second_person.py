"""The second person is another person: attacks by somebody who plays both."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict, Forbidden
from payments.people.actions import Action
from payments.people.models import ApiKey, Approval, AuditLog, Role, User
from payments.people.services import api_keys, approvals, gate
from payments.people.services.approvals import decide
from tests.people.cast import person
from tests.people.test_approvals import MERCHANT, ask

pytestmark = pytest.mark.django_db


def refusal(user: User) -> str:
    with pytest.raises(Forbidden) as refused:
        decide(subject_id="ref_1", action="refund", user=user, approved=True, note="")
    assert Approval.objects.get().decision is None
    return refused.value.code


def key_of(user: User) -> ApiKey:
    return api_keys.create(merchant_id=MERCHANT, test_mode=True, scopes=["all"], actor=user).key


def owner(name: str = "owner") -> User:
    return person(name, MERCHANT, role=Role.Name.OWNER)


def test_who_made_the_key_that_asked_is_not_the_second_person() -> None:
    maker = owner()
    ask(by=key_of(maker).id)
    assert refusal(maker) == "own_request"


def test_nor_is_who_rolled_it_before_or_after_it_asked() -> None:
    maker, roller, later = owner("maker"), owner("roller"), owner("later")
    second = api_keys.roll(key_id=key_of(maker).id, merchant_id=MERCHANT, actor=roller).key
    ask(by=second.id)
    api_keys.roll(key_id=second.id, merchant_id=MERCHANT, actor=later)

    assert {refusal(user) for user in (maker, roller, later)} == {"own_request"}
    assert decide(subject_id="ref_1", action="refund", user=owner("other"), approved=True, note="").alone is False


def test_not_even_a_superuser_who_made_the_key() -> None:
    root = User.objects.create_superuser("root")
    root.second_factor_at = timezone.now()
    ask(by=key_of(root).id)
    assert refusal(root) == "own_request"


@pytest.mark.parametrize("change", ["second_factor.taken_away", "user.changed", "user.added", "user.invited"])
def test_nor_an_account_that_the_asker_had_in_hand(change: str) -> None:
    asker, puppet = owner("asker"), person("puppet", MERCHANT)
    audit_log.write(actor=asker.id, action=change, subject=puppet, merchant_id=None)
    ask(by=asker.id)
    assert refusal(puppet) == "not_independent"


def test_nor_one_it_had_in_hand_through_a_third_or_after_asking() -> None:
    asker, middle, puppet = owner("asker"), owner("middle"), person("puppet", MERCHANT)
    ask(by=key_of(asker).id)
    audit_log.write(actor=asker.id, action="user.added", subject=middle, merchant_id=None)
    audit_log.write(actor=middle.id, action="second_factor.taken_away", subject=puppet, merchant_id=None)
    assert refusal(puppet) == "not_independent"


def test_what_was_changed_longer_ago_or_by_oneself_or_by_others_does_not_count() -> None:
    asker, other, finance = owner("asker"), owner("other"), person("finance", MERCHANT)
    for actor in (other.id, finance.id, "system"):
        audit_log.write(actor=actor, action="user.changed", subject=finance, merchant_id=None)
    long_ago = timezone.now() - timedelta(days=1, seconds=1)
    AuditLog.objects.create(at=long_ago, actor=asker.id, action="user.added", object_type="user", object_id=finance.id)
    ask(by=asker.id)
    assert decide(subject_id="ref_1", action="refund", user=finance, approved=True, note="").decision == "approved"


def test_not_even_past_the_services_for_the_maker_of_a_key() -> None:
    maker = owner()
    row = ask(by=key_of(maker).id)
    values = {"decided_by": maker, "decided_at": timezone.now(), "decision": "approved"}
    with pytest.raises(IntegrityError, match="approval_never_ones_own"), transaction.atomic():
        Approval.objects.filter(id=row.id).update(**values)


def test_a_decision_counts_once() -> None:
    """Whoever runs code calls it twice; the second finds nothing that waits."""
    ask()
    finance = person("finance", MERCHANT)
    decide(subject_id="ref_1", action="refund", user=finance, approved=True, note="")
    with pytest.raises(Conflict, match="approval_not_open"):
        decide(subject_id="ref_1", action="refund", user=finance, approved=True, note="")


def test_alone_only_where_the_merchant_says_so_since_and_nobody_else_could() -> None:
    asker = owner("asker")
    since = timezone.now() - timedelta(minutes=1)

    def attempt(alone_from: datetime | None) -> Approval:
        return decide(
            subject_id="ref_1",
            action="refund",
            user=asker,
            approved=True,
            note="",
            alone_from=alone_from,
        )

    ask(by=asker.id)
    for alone_from in (None, timezone.now() + timedelta(hours=1)):
        with pytest.raises(Forbidden, match="own_request"):
            attempt(alone_from)
    colleague = person("finance", MERCHANT)
    with pytest.raises(Forbidden, match="own_request"):
        attempt(since)
    User.objects.filter(id=colleague.id).update(is_active=False)
    assert attempt(since).alone is True
    assert AuditLog.objects.get(action="refund.approved").after == {"alone": True}


def test_secrets_stand_encrypted_while_they_wait_and_are_gone_afterwards() -> None:
    row = gate.propose(
        Action.CHANGE_PAYOUT,
        subject=ask(),
        by=owner(),
        merchant_id=MERCHANT,
        payload={"changes": {"name": "x"}},
        secrets="sk_live_very_secret",
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM people_approval WHERE id = %s", [row.id])
        assert "very_secret" not in cursor.fetchone()[0]
    assert "very_secret" not in str(AuditLog.objects.values_list("before", "after"))

    done = decide(subject_id=row.subject_id, action=row.action, user=person("f", MERCHANT), approved=False, note="")
    assert done.secrets == "sk_live_very_secret"
    assert Approval.objects.get(id=row.id).secrets is None


def test_the_same_is_asked_once_at_a_time() -> None:
    subject = ask()

    def propose() -> Approval:
        return gate.propose(Action.CHANGE_PAYOUT, subject=subject, by=owner("o"), merchant_id=MERCHANT)

    propose()
    User.objects.all().delete()
    with pytest.raises(Conflict, match="approval_waiting"):
        propose()


def test_what_was_withdrawn_stays_visible_and_can_no_longer_be_decided() -> None:
    row = ask()
    approvals.withdraw(subject_id="ref_1", action="refund", actor="tests")
    row.refresh_from_db()
    assert (row.decision, row.decided_by) == ("withdrawn", None)
    with pytest.raises(Conflict, match="approval_not_open"):
        decide(subject_id="ref_1", action="refund", user=person("f", MERCHANT), approved=True, note="")
