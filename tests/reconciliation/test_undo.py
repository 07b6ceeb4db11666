"""A resolution that was wrong is undone: reversed in the books, and its discrepancy open again."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.errors import Conflict, Forbidden, OnetillError, ValidationFailed
from payments.ledger import days
from payments.ledger.models import JournalEntry
from payments.models import Discrepancy
from payments.notify.models import Event
from payments.people.actors import Actor, Caller
from payments.people.models import Approval, AuditLog, Role
from payments.people.scopes import SCOPES
from reconciliation.models import BankStatementLine, Payout, SettlementLine
from reconciliation.services import rematch
from reconciliation.services import undo as undoing
from reconciliation.services.candidates import candidates
from reconciliation.services.overdue import raise_overdue
from reconciliation.services.resolve import decide
from tests.builders import fresh
from tests.people.cast import person
from tests.reconciliation.conftest import BankLine, Line, Shop, card_present, settlement_csv, statement, violations
from tests.reconciliation.test_payout_references import announced, banked
from tests.reconciliation.test_resolve import resolved, unknown_line
from tests.threads import at_once


def undo(shop: Shop, row: Discrepancy, actor: Actor = "tests", note: str = "That was wrong.") -> Any:
    return undoing.undo(merchant=shop.merchant, discrepancy_id=row.id, note=note, actor=actor)


def differs(shop: Shop, by: int = 200) -> Discrepancy:
    """A sale of 50.00 that was settled with less."""
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(5000 - by, operation=payment.operations.get().id)))
    (row,) = shop.disagreements("amount_differs")
    return row


def refused(shop: Shop, row: Discrepancy, code: str, actor: Actor = "tests") -> None:
    with pytest.raises(OnetillError) as refusal:
        undo(shop, row, actor)
    assert refusal.value.code == code


def test_a_fee_is_reversed_and_the_difference_open_again(shop: Shop) -> None:
    row = differs(shop)
    resolved(shop, row, "book_fee")
    assert shop.balance("fees") == 200
    again = undo(shop, row)
    assert (again.id, again.status, again.resolved_at, again.resolved_by) == (row.id, "open", None, "")
    assert shop.balance("fees") == 0
    assert shop.balance("receivable", row.item) == 200
    reversal = JournalEntry.objects.get(key=f"undone:resolved:{row.id}")
    assert reversal.reverses is not None and reversal.reverses.key == f"resolved:{row.id}"
    assert violations() == []


def test_what_was_undone_is_resolved_once_more_in_another_way(shop: Shop) -> None:
    row = differs(shop)
    for action, account in (("book_fee", "fees"), ("suspense", "suspense"), ("book_fee", "fees")):
        assert resolved(shop, row, action).status == "resolved"
        assert shop.balance(account) == 200
        undo(shop, row)
        assert shop.balance(account) == 0
    resolved(shop, row, "book_fee")
    assert violations() == []


def test_an_acceptance_is_undone_without_any_entry(shop: Shop) -> None:
    row = Discrepancy.objects.create(merchant=shop.merchant, kind="clock_differs", key="clock")
    resolved(shop, row, "accept")
    before = JournalEntry.objects.count()
    assert undo(shop, row).status == "open"
    assert JournalEntry.objects.count() == before


def test_a_match_by_hand_is_undone_and_left_to_a_person(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    row = unknown_line(shop)
    raise_overdue(now=timezone.now() + timedelta(days=9))
    resolved(shop, row, "match", with_=(payment.id,))
    assert shop.disagreements("missing_in_settlement") == []
    before = SettlementLine.objects.get(reference="who?")
    assert undo(shop, row).status == "open"
    line = SettlementLine.objects.get(reference="who?")
    assert (line.state, line.payment_id, line.rule, line.item) == ("unknown", None, "", row.item)
    assert before.state == "matched"
    assert shop.balance("receivable", payment.item) == 5000
    assert shop.balance("suspense") == -5000
    assert [one.payment_id for one in shop.disagreements("missing_in_settlement")] == [payment.id]
    payment.operations.update(provider_reference="who?")
    rematch.rematch()  # which would match it at once
    assert fresh(row).status == "open"
    assert resolved(shop, row, "match", with_=(payment.id,)).status == "resolved"
    assert shop.balance("receivable", payment.item) == shop.balance("suspense") == 0
    assert violations() == []


def test_what_a_rule_matched_is_undone_by_a_person(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    row = unknown_line(shop)
    payment.operations.update(provider_reference="who?")
    assert rematch.rematch() == 1
    assert fresh(row).status == "resolved"
    assert undo(shop, row).status == "open"
    assert shop.balance("suspense", row.item) == -5000
    rematch.rematch()
    assert fresh(row).status == "open"
    other = shop.sells_online(5000)
    resolved(shop, row, "match", with_=(other.id,))
    assert (shop.balance("receivable", other.item), shop.balance("receivable", payment.item)) == (0, 5000)
    assert violations() == []


@pytest.mark.parametrize("by", ["a rule", "a person"])
@pytest.mark.parametrize("doubt", ["ambiguous", "contradicts"])
def test_what_was_asked_before_is_asked_again_with_its_candidates(shop: Shop, doubt: str, by: str) -> None:
    """Of two sales that fit one is settled, so that a rule takes the other; or a line's contradiction is cleared up."""
    numbers = {"rrn": "632810000007", "authorization_code": "C0FFE1"} if doubt == "ambiguous" else {}
    first, second = (shop.sells_in_store(5_000, **numbers) for _ in range(2))
    account, names = shop.account("external"), [payment.operations.get().id for payment in (first, second)]
    second.operations.update(provider_reference="TX-2")
    line = card_present(5_000, rrn="632810000007", code="C0FFE1")
    line = line if doubt == "ambiguous" else Line(5_000, operation=names[0], reference="TX-2")
    shop.sends(settlement_csv(line), provider_account=account)
    (row,) = shop.disagreements("unknown_line")
    requested, detail = candidates(row), row.detail
    assert {one.id for one in requested} == {first.id, second.id}
    if by == "a person":
        resolved(shop, row, "match", with_=(second.id,))
    elif doubt == "ambiguous":
        shop.sends(settlement_csv(Line(5_000, operation=names[0])), provider_account=account)
        assert rematch.rematch() == 1
    else:
        second.operations.update(provider_reference="TX-3")
        assert rematch.rematch() == 1
        second.operations.update(provider_reference="TX-2")
    assert fresh(row).status == "resolved"
    assert undo(shop, row).status == "open"
    kept = SettlementLine.objects.get(item=row.item)
    assert (kept.state, kept.rule, kept.payment_id, kept.evidence_id) == ("unknown", doubt, None, None)
    assert (candidates(fresh(row)), fresh(row).detail) == (requested, detail)
    assert (shop.balance("suspense"), violations()) == (-5_000, [])


def test_a_payout_that_was_matched_by_hand_is_expected_again(shop: Shop) -> None:
    payout = announced(shop, "REF 1234567", 77_00)
    shop.sends(statement(BankLine(77_00, "Rent", name="Stichting")))
    raise_overdue(now=timezone.now() + timedelta(days=9))
    (row,) = shop.disagreements("payout_not_received")
    line = BankStatementLine.objects.get()
    resolved(shop, row, "match", with_=(f"bnl_{line.id}",))
    assert shop.balance("bank") == 77_00
    assert undo(shop, row).status == "open"
    payout.refresh_from_db()
    line.refresh_from_db()
    assert (payout.status, payout.amount_received, payout.received_on) == ("announced", 0, None)
    assert (line.state, line.item, line.payout) == ("other", None, None)
    assert (shop.balance("bank"), shop.balance("in_transit")) == (0, 77_00)
    resolved(shop, row, "match", with_=(f"bnl_{line.id}",))
    assert (shop.balance("bank"), shop.balance("in_transit")) == (77_00, 0)
    assert violations() == []


def test_a_bank_line_that_a_rule_took_for_a_payout_is_in_suspense_again(shop: Shop) -> None:
    payout = announced(shop, "SIMPAY-2026-1", 25_000)
    raise_overdue(now=timezone.now() + timedelta(days=9))
    (row,) = shop.disagreements("payout_not_received")
    line = banked(shop, 25_000, "SIMPAY-2026-1")
    assert fresh(row).status == "resolved"
    assert undo(shop, row).status == "open"
    line.refresh_from_db()
    assert line.state == "suspense"
    assert (shop.balance("in_transit", payout.item), shop.balance("suspense", line.item)) == (25_000, -25_000)
    (unknown,) = shop.disagreements("unknown_line")
    rematch.rematch()
    assert fresh(unknown).status == "open"
    resolved(shop, unknown, "match", with_=(payout.id,))
    assert fresh(row).status == "resolved"
    assert undo(shop, unknown).status == "open"
    assert fresh(row).status == "open"
    assert violations() == []


def test_a_line_that_waited_for_its_payout_waits_again(shop: Shop) -> None:
    line = banked(shop, 25_000, "SIMPAY-2026-1")
    (row,) = shop.disagreements("unknown_line")
    payout = announced(shop, "SIMPAY-2026-1", 25_000)
    assert fresh(row).status == "resolved"
    assert undo(shop, row).status == "open"
    rematch.rematch()
    assert (fresh(row).status, fresh(payout).status) == ("open", "announced")
    assert shop.balance("suspense", line.item) == -25_000
    assert violations() == []


def test_what_came_later_is_undone_first(shop: Shop) -> None:
    payout = announced(shop, "SIMPAY-2026-1", 25_000)
    raise_overdue(now=timezone.now() + timedelta(days=9))
    (missing,) = shop.disagreements("payout_not_received")
    shop.sends(statement(BankLine(20_000, "Rent", name="Stichting")))
    line = BankStatementLine.objects.get()
    resolved(shop, missing, "match", with_=(f"bnl_{line.id}",))
    decide(missing.id, user=person("bob", shop.merchant.id), approved=True)
    (rest,) = shop.disagreements("payout_differs")
    banked(shop, 5_000, "SIMPAY-2026-1")
    assert (fresh(payout).status, fresh(rest).status) == ("received", "resolved")
    refused(shop, missing, "payout_received_since")
    assert undo(shop, rest).status == "open"
    assert isinstance(undo(shop, missing), Approval)  # as its match was decided by two
    undoing.decide(missing.id, user=person("bas", shop.merchant.id), approved=True)
    assert (fresh(missing).status, fresh(rest).status, fresh(payout).amount_received) == ("open", "resolved", 0)
    assert violations() == []


def test_a_match_whose_rest_was_written_off_is_undone_after_that(shop: Shop) -> None:
    announced(shop, "SIMPAY-2026-1", 25_000)
    line = banked(shop, 24_000, "SIMPAY-2026-1")
    assert line.state == "payout"
    (rest,) = shop.disagreements("payout_differs")
    resolved(shop, rest, "book_fee")
    payout = Payout.objects.get()
    assert payout.status == "received"
    assert undo(shop, rest).status == "open"
    assert fresh(payout).status == "announced"
    assert shop.balance("in_transit", payout.item) == 1_000
    assert violations() == []


def test_what_two_people_decided_two_people_undo(shop: Shop) -> None:
    anna, bob = person("anna", shop.merchant.id), person("bob", shop.merchant.id)
    row = differs(shop)
    resolved(shop, row, "write_off", actor=anna)
    decide(row.id, user=bob, approved=True)
    waiting = undo(shop, row, anna)
    assert isinstance(waiting, Approval)
    assert (waiting.action, fresh(row).status, shop.balance("write_offs")) == ("undo_resolution", "resolved", 200)
    refused(shop, row, "approval_waiting", bob)
    with pytest.raises(Forbidden, match="own_request"):
        undoing.decide(row.id, user=anna, approved=True)
    undoing.decide(row.id, user=bob, approved=False, note="No.")
    assert fresh(row).status == "resolved"
    undo(shop, row, anna)
    assert [line.amount for entry in undoing.preview(row.id) for line in entry.postings.all()] == [-200, 200]
    undoing.decide(row.id, user=bob, approved=True)
    assert (fresh(row).status, shop.balance("write_offs")) == ("open", 0)
    assert violations() == []


@pytest.mark.parametrize("by", ["person", "key"])
def test_above_the_limit_nobody_undoes_alone(shop: Shop, by: str) -> None:
    row = differs(shop)
    resolved(shop, row, "book_fee")
    shop.merchant.second_person_above = 199
    shop.merchant.save()
    actor: Actor = person("anna", shop.merchant.id)
    if by == "key":
        actor = Caller("key_1", shop.merchant.id, None, True, SCOPES)
    waiting = undo(shop, row, actor)
    assert (waiting.action, waiting.payload["limit"]["amount"]) == ("undo_resolution", 199)
    assert shop.balance("fees") == 200


def test_of_a_closed_day_the_next_open_one_has_the_reversal(shop: Shop) -> None:
    row = differs(shop)
    resolved(shop, row, "book_fee")
    today = timezone.now().astimezone(shop.merchant.zone).date()
    days.close_day(shop.merchant.id, today, actor="tests")
    undo(shop, row)
    assert JournalEntry.objects.get(key=f"undone:resolved:{row.id}").book_date == today + timedelta(days=1)


def test_nothing_is_undone_twice(shop: Shop) -> None:
    row = differs(shop)
    refused(shop, row, "nothing_to_undo")
    resolved(shop, row, "book_fee")
    undo(shop, row)
    refused(shop, row, "nothing_to_undo")
    resolved(shop, row, "wait", until=(timezone.now() + timedelta(days=3)).date())
    refused(shop, row, "nothing_to_undo")
    resolved(shop, row, "write_off")
    refused(shop, row, "nothing_to_undo")  # it waits for a second person, who rejects it


def test_what_explained_itself_is_not_undone(shop: Shop) -> None:
    left_out = shop.sells_online(5000)
    settled = shop.sells_online(1000)
    shop.sends(settlement_csv(Line(1000, operation=settled.operations.get().id)))
    raise_overdue(now=timezone.now() + timedelta(days=6))
    (row,) = shop.disagreements()
    shop.sends(settlement_csv(Line(5000, operation=left_out.operations.get().id)))
    refused(shop, row, "undo_not_possible")


def test_what_was_settled_meanwhile_is_resolved_again_at_once(shop: Shop) -> None:
    left_out = shop.sells_online(5000)
    settled = shop.sells_online(1000)
    shop.sends(settlement_csv(Line(1000, operation=settled.operations.get().id)))
    raise_overdue(now=timezone.now() + timedelta(days=6))
    (row,) = shop.disagreements()
    resolved(shop, row, "suspense")
    shop.sends(settlement_csv(Line(5000, operation=left_out.operations.get().id)))
    assert shop.balance("receivable", left_out.item) == -5000
    assert undo(shop, row).status == "resolved"
    assert shop.balance("receivable", left_out.item) == shop.balance("suspense") == 0
    assert violations() == []


def test_differences_that_a_match_opened_are_resolved_by_undoing_it(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    row = unknown_line(shop, 4800)
    payment.operations.update(provider_reference="who?")
    rematch.rematch()
    (difference,) = shop.disagreements("amount_differs")
    resolved(shop, difference, "book_fee")
    refused(shop, row, "resolved_since")
    undo(shop, difference)
    assert undo(shop, row).status == "open"
    assert fresh(difference).status == "resolved"
    assert violations() == []


def test_it_is_told_in_the_log_and_by_an_event(shop: Shop) -> None:
    row = differs(shop)
    resolved(shop, row, "book_fee")
    before = Event.objects.filter(type="discrepancy.opened", object_id=row.id).count()
    undo(shop, row, note="Their fee was charged elsewhere.")
    written = AuditLog.objects.get(action="discrepancy.undone")
    assert (written.object_id, written.after["note"]) == (row.id, "Their fee was charged elsewhere.")
    assert Event.objects.filter(type="discrepancy.opened", object_id=row.id).count() == before + 1


@pytest.mark.parametrize("note", ["  ", "x" * 1001, "4111 1111 1111 1111"])
def test_a_note_that_cannot_be_is_refused(shop: Shop, note: str) -> None:
    row = differs(shop)
    resolved(shop, row, "book_fee")
    with pytest.raises(ValidationFailed):
        undo(shop, row, note=note)
    assert shop.balance("fees") == 200


def test_who_may_not_resolve_may_not_undo(shop: Shop) -> None:
    row = differs(shop)
    resolved(shop, row, "book_fee")
    refused(shop, row, "permission_missing", person("carl", shop.merchant.id, role=Role.Name.CLERK))
    assert shop.balance("fees") == 200


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_undoes_it(shop: Shop) -> None:
    row = differs(shop)
    resolved(shop, row, "book_fee")
    done = at_once(lambda: undo(shop, row), lambda: undo(shop, row))
    refusals = [one for one in done if isinstance(one, Conflict)]
    assert [one.code for one in refusals] == ["nothing_to_undo"]
    assert shop.balance("fees") == 0
    assert violations() == []


@pytest.mark.django_db(transaction=True)
def test_undoing_and_resolving_at_once_come_one_after_the_other(shop: Shop) -> None:
    row = differs(shop)
    resolved(shop, row, "book_fee")
    done = at_once(lambda: undo(shop, row), lambda: resolved(shop, row, "suspense"))
    refusals = [one.code for one in done if isinstance(one, OnetillError)]
    assert refusals in ([], ["discrepancy_not_open"])
    assert shop.balance("fees") == 0
    assert shop.balance("suspense") == (0 if refusals else 200)
    assert violations() == []
