"""What disagrees is resolved by a person's word, or by two where money is given up or a match is forced."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.errors import Conflict, Forbidden, NotFound, OnetillError, ValidationFailed
from payments.models import Discrepancy
from payments.people.actors import Actor, Caller
from payments.people.models import Approval, AuditLog, Role
from payments.people.scopes import SCOPES
from payments.services.card_present.types import Kind
from reconciliation.models import Payout, SettlementLine
from reconciliation.services import rematch
from reconciliation.services.overdue import raise_overdue
from reconciliation.services.resolve import Resolution, decide, resolve
from tests import sql
from tests.builders import fresh
from tests.people.cast import person
from tests.reconciliation.conftest import BankLine, Line, Shop, settlement_csv, statement


def resolved(shop: Shop, row: Discrepancy, action: str, actor: Actor = "tests", **how: Any) -> Discrepancy:
    resolution = Resolution(action=action, note="We looked at it together.", **how)
    return resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor=actor)


def unknown_line(shop: Shop, gross: int = 5000) -> Discrepancy:
    account = shop.account("simulator")
    shop.sends(settlement_csv(Line(gross, reference="who?"), payout="P-9"), provider_account=account)
    (row,) = shop.disagreements("unknown_line")
    return row


def test_a_line_is_matched_with_the_payment_that_is_open_for_it(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    row = resolved(shop, unknown_line(shop), "match", with_=(payment.id,))
    assert row.status == "resolved"
    assert shop.balance("receivable", payment.item) == shop.balance("suspense") == 0
    line = SettlementLine.objects.get(reference="who?")
    assert (line.state, line.payment_id) == ("matched", payment.id)


def test_a_match_that_does_not_fit_waits_for_a_second_person(shop: Shop) -> None:
    payment = shop.sells_online(6000)
    anna, bob = person("anna", shop.merchant.id), person("bob", shop.merchant.id)
    row = resolved(shop, unknown_line(shop), "match", actor=anna.id, with_=(payment.id,))
    assert row.status == "proposed"
    assert shop.balance("suspense") == -5000
    with pytest.raises(Forbidden) as refusal:
        decide(row.id, user=anna, approved=True)
    assert refusal.value.code == "own_request"
    decide(row.id, user=bob, approved=True)
    assert fresh(row).status == "resolved"
    assert shop.balance("receivable", payment.item) == 1000
    assert shop.balance("suspense") == 0


def test_a_write_off_waits_for_a_second_person(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(4800, operation=payment.operations.get().id)))
    (row,) = shop.disagreements()
    assert resolved(shop, row, "write_off").status == "proposed"
    assert shop.balance("write_offs") == 0
    with pytest.raises(Conflict) as refusal:
        resolved(shop, row, "book_fee")
    assert refusal.value.code == "discrepancy_not_open"
    decide(row.id, user=person("bob", shop.merchant.id), approved=True)
    assert shop.balance("write_offs") == 200
    assert shop.balance("receivable", payment.item) == 0
    with pytest.raises(Conflict):
        decide(row.id, user=person("carl", shop.merchant.id), approved=True)


def test_a_proposal_that_is_rejected_stands_open_again(shop: Shop) -> None:
    row = unknown_line(shop)
    resolved(shop, row, "write_off")
    decide(row.id, user=person("bob", shop.merchant.id), approved=False, note="Not yet.")
    assert fresh(row).status == "open"
    assert shop.balance("suspense") == -5000
    assert resolved(shop, row, "write_off").status == "proposed"


def test_a_second_person_needs_the_role_and_a_second_factor(shop: Shop) -> None:
    row = resolved(shop, unknown_line(shop), "write_off")
    clerk, bob = person("carl", shop.merchant.id, role=Role.Name.CLERK), person("bob", shop.merchant.id)
    bob.second_factor_at = timezone.now() - timedelta(hours=1)
    for somebody, code in ((clerk, "permission_missing"), (bob, "second_factor_required")):
        with pytest.raises(Forbidden) as refusal:
            decide(row.id, user=somebody, approved=True)
        assert refusal.value.code == code
    assert shop.balance("write_offs") == 0


def test_nobody_is_asked_any_more_about_what_explained_itself(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    reference = f"late-{payment.id}"
    account = shop.account("simulator")
    shop.sends(settlement_csv(Line(5000, reference=reference)), provider_account=account)
    (row,) = shop.disagreements()
    resolved(shop, row, "write_off")
    payment.operations.update(provider_reference=reference)
    rematch.rematch()
    assert shop.disagreements() == []
    assert not Approval.objects.filter(decision=None).exists()


def test_a_difference_may_be_the_providers_fee(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(4800, operation=payment.operations.get().id)))
    (row,) = shop.disagreements()
    assert resolved(shop, row, "book_fee").status == "resolved"
    assert shop.balance("fees") == 200
    assert shop.balance("receivable", payment.item) == 0


def test_a_difference_may_be_moved_to_suspense(shop: Shop) -> None:
    shop.sells_online(5000)
    shop.sends(shop.settlement())
    payout = Payout.objects.get()
    shop.sends(statement(BankLine(payout.amount - 250, payout.reference)))
    (row,) = shop.disagreements("payout_differs")
    resolved(shop, row, "suspense")
    assert shop.balance("in_transit") == 0
    assert shop.balance("suspense") == 250
    payout.refresh_from_db()
    assert payout.status == "received"


def test_what_a_device_did_for_another_amount_is_booked_and_can_only_be_accepted(shop: Shop) -> None:
    shop.reports(Kind.SALE, 5000)
    shop.reports(Kind.REVERSAL, 2000, original=1)
    (row,) = shop.disagreements("amount_differs")
    assert shop.balance("receivable") == 3000
    with pytest.raises(ValidationFailed):
        resolved(shop, row, "write_off")
    assert resolved(shop, row, "accept").status == "resolved"
    assert shop.balance("receivable") == 3000


def test_waiting_and_asking_leave_it_open_with_what_was_done(shop: Shop) -> None:
    row = unknown_line(shop)
    tomorrow = (timezone.now() + timedelta(days=2)).date()
    waiting = resolved(shop, row, "wait", until=tomorrow)
    assert (waiting.status, waiting.wait_until is not None) == ("open", True)
    requested = resolved(shop, row, "ask_provider")
    assert (requested.status, requested.resolution["action"]) == ("open", "ask_provider")
    assert shop.balance("suspense") == -5000


def test_every_step_is_in_the_audit_log(shop: Shop) -> None:
    row = unknown_line(shop)
    resolved(shop, row, "ask_provider")
    resolved(shop, row, "write_off")
    decide(row.id, user=person("bob", shop.merchant.id), approved=True)
    actions = AuditLog.objects.filter(object_id=row.id).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["discrepancy.postponed", "discrepancy.proposed", "discrepancy.resolved"]


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"action": "accept"}, "action", "action_not_possible"),
        ({"action": "burn"}, "action", "invalid_choice"),
        ({"action": "suspense", "note": ""}, "note", "required"),
        ({"action": "suspense", "note": "4111 1111 1111 1111"}, "note", "card_number_refused"),
        ({"action": "wait"}, "until", "required"),
        ({"action": "match"}, "with", "required"),
        ({"action": "match", "with_": ("pay_00000000000000000000000000",)}, "with", "not_found"),
    ],
)
def test_what_cannot_be_is_refused(shop: Shop, body: dict[str, Any], param: str, code: str) -> None:
    row = unknown_line(shop)
    resolution = Resolution(**{"note": "Because.", **body})
    with pytest.raises(ValidationFailed) as refusal:
        resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor="tests")
    assert [(fault.param, fault.code) for fault in refusal.value.faults] == [(param, code)]
    row.refresh_from_db()
    assert row.status == "open"


def test_another_merchants_payment_or_discrepancy_is_none(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    stranger = open_shop("Vreemd")
    row = unknown_line(shop)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: resolved(stranger, row, "ask_provider"),
        lambda: resolved(shop, row, "match", with_=(stranger.sells_online(5000).id,)),
    )
    for attempt in attempts:
        with pytest.raises((NotFound, OnetillError)):
            attempt()


def test_a_late_truth_closes_what_it_explains(shop: Shop) -> None:
    """The file names a movement before our books know of it; when they do, nobody has to do anything."""
    payment = shop.sells_online(5000)
    account = shop.account("simulator")
    SettlementLine.objects.all().delete()
    reference = f"late-{payment.id}"
    shop.sends(settlement_csv(Line(5000, reference=reference)), provider_account=account)
    assert [row.kind for row in shop.disagreements()] == ["unknown_line"]
    payment.operations.update(provider_reference=reference)
    assert rematch.rematch() == 1
    assert shop.disagreements() == []
    assert shop.balance("receivable", payment.item) == shop.balance("suspense") == 0
    assert rematch.rematch() == 0


def test_what_no_settlement_shows_is_raised_and_closed_by_a_later_one(shop: Shop) -> None:
    left_out = shop.sells_online(5000)
    operation = left_out.operations.get().id
    settled = shop.sells_online(1000)
    shop.sends(settlement_csv(Line(1000, operation=settled.operations.get().id)))
    assert raise_overdue() == 0
    assert raise_overdue(now=timezone.now() + timedelta(days=6)) == 1
    assert raise_overdue(now=timezone.now() + timedelta(days=6)) == 0
    (row,) = shop.disagreements()
    assert (row.kind, row.payment_id, row.amount) == ("missing_in_settlement", left_out.id, 5000)
    shop.sends(settlement_csv(Line(5000, operation=operation)))
    assert shop.disagreements() == []


def test_a_payout_that_does_not_come_is_raised_and_closed_when_it_does(shop: Shop) -> None:
    shop.sells_online(5000)
    shop.sends(shop.settlement())
    assert raise_overdue(now=timezone.now() + timedelta(days=2)) == 0
    assert raise_overdue(now=timezone.now() + timedelta(days=6)) == 1
    assert [row.kind for row in shop.disagreements()] == ["payout_not_received"]
    payout = Payout.objects.get()
    shop.sends(statement(BankLine(payout.amount, payout.reference)))
    assert shop.disagreements() == []


@pytest.mark.parametrize("by", ["person", "key"])
def test_above_the_limit_neither_a_person_nor_a_key_books_it_alone(shop: Shop, by: str) -> None:
    """Twenty thousand euros were booked as a fee by one key."""
    shop.merchant.second_person_above = 5_000
    shop.merchant.save()
    anna, bob = person("anna", shop.merchant.id), person("bob", shop.merchant.id)
    payment = shop.sells_online(2_000_000)
    shop.sends(settlement_csv(Line(100, operation=payment.operations.get().id)))
    (row,) = shop.disagreements()
    actor: Actor = anna if by == "person" else Caller("key_1", shop.merchant.id, None, True, SCOPES)
    assert resolved(shop, row, "book_fee", actor=actor).status == "proposed"
    assert shop.balance("fees") == 0
    approval = Approval.objects.get()
    assert (approval.action, approval.payload["open"]) == ("book_fee", 1_999_900)
    assert approval.payload["limit"]["amount"] == 5_000
    if by == "person":
        with pytest.raises(Forbidden, match="own_request"):
            decide(row.id, user=anna, approved=True)
    decide(row.id, user=bob, approved=True)
    assert shop.balance("fees") == 1_999_900


def test_suspense_and_acceptance_wait_above_it_too(shop: Shop) -> None:
    shop.merchant.second_person_above = 4_999
    shop.merchant.save()
    anna = person("anna", shop.merchant.id)
    assert resolved(shop, unknown_line(shop), "suspense", actor=anna).status == "proposed"
    payment = shop.sells_online(5_000)
    double = Discrepancy.objects.create(
        merchant=shop.merchant, kind="overpaid", key="double", payment=payment, amount=5_000, currency="EUR"
    )
    assert resolved(shop, double, "accept", actor=anna).status == "proposed"
    assert set(Approval.objects.values_list("action", flat=True)) == {"suspense", "accept"}


def test_below_it_one_person_books_it_until_the_day_is_full(shop: Shop) -> None:
    shop.merchant.second_person_above, shop.merchant.second_person_above_daily = 5_000, 6_000
    shop.merchant.save()
    anna = person("anna", shop.merchant.id)
    payments = [shop.sells_online(50_000) for _ in range(3)]
    shop.sends(settlement_csv(*(Line(47_000, operation=payment.operations.get().id) for payment in payments)))
    rows = shop.disagreements()
    assert [resolved(shop, row, "book_fee", actor=anna).status for row in rows] == ["resolved", "resolved", "proposed"]
    assert Approval.objects.get().payload["limit"] == {
        "limit": "second_person_above_daily",
        "amount": 6_000,
        "counted": 9_000,
        "currency": "EUR",
    }


def test_who_may_not_resolve_is_refused_in_the_service(shop: Shop) -> None:
    row = unknown_line(shop)
    with pytest.raises(Forbidden, match="permission_missing"):
        resolved(shop, row, "write_off", actor=person("carl", shop.merchant.id, role=Role.Name.CLERK))
    with pytest.raises(NotFound):
        resolved(shop, row, "write_off", actor=Caller("key_1", shop.webshop.id, None, True, SCOPES))


@pytest.mark.django_db(transaction=True)  # the owner of the tables sees only what is committed
def test_another_amount_than_was_shown_is_not_written_off(shop: Shop) -> None:
    row = unknown_line(shop)
    resolved(shop, row, "write_off")
    sql.past_guards("people_approval", "UPDATE people_approval SET payload = payload || '{\"open\": -4999}'")
    with pytest.raises(Conflict, match="changed_meanwhile"):
        decide(row.id, user=person("bob", shop.merchant.id), approved=True)
    assert shop.balance("write_offs") == 0
    assert Approval.objects.get().decision is None


def test_no_more_is_written_off_than_stands_open(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    account = shop.account("simulator")
    shop.sends(settlement_csv(Line(4800, operation=payment.operations.get().id)), provider_account=account)
    shop.sends(settlement_csv(Line(200, reference="who?")), provider_account=account)
    (differs,) = shop.disagreements("amount_differs")
    (unknown,) = shop.disagreements("unknown_line")
    resolved(shop, unknown, "match", with_=(payment.id,))
    assert shop.balance("receivable", payment.item) == 0
    with pytest.raises(OnetillError) as refusal:
        resolved(shop, differs, "write_off")
    assert (refusal.value.code, refusal.value.members) == ("amount_exceeds_open", {"open": 0})
    assert resolved(shop, differs, "accept").status == "resolved"
    assert shop.balance("write_offs") == 0


@pytest.mark.parametrize("action", ["write_off", "suspense"])
def test_what_was_explained_in_part_is_written_off_no_further(shop: Shop, action: str) -> None:
    payment = shop.sells_online(5000)
    account = shop.account("simulator")
    shop.sends(settlement_csv(Line(4000, operation=payment.operations.get().id)), provider_account=account)
    (differs,) = shop.disagreements("amount_differs")
    shop.sends(settlement_csv(Line(600, reference="who?")), provider_account=account)
    anna, bob = person("anna", shop.merchant.id), person("bob", shop.merchant.id)
    resolved(shop, shop.disagreements("unknown_line")[0], "match", actor=anna.id, with_=(payment.id,))
    decide(shop.disagreements("unknown_line")[0].id, user=bob, approved=True)
    with pytest.raises(OnetillError) as refusal:
        resolved(shop, differs, action)
    assert (refusal.value.code, refusal.value.members) == ("amount_exceeds_open", {"open": 400})


def test_what_a_person_matched_is_not_missing_any_more(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    resolved(shop, unknown_line(shop), "match", with_=(payment.id,))
    raise_overdue(now=timezone.now() + timedelta(days=9))
    assert shop.disagreements("missing_in_settlement") == []


def test_a_missing_sale_is_found_by_a_match(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    row = unknown_line(shop)
    raise_overdue(now=timezone.now() + timedelta(days=9))
    assert len(shop.disagreements("missing_in_settlement")) == 1
    resolved(shop, row, "match", with_=(payment.id,))
    assert shop.disagreements("missing_in_settlement") == []
