"""Rules for several at once: a line that is a day's sales, a batch as a whole, and payouts that come together."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from payments.models import Discrepancy, Payment
from payments.services.card_present.types import Kind
from reconciliation import audit
from reconciliation.models import MatchingRule, Payout
from reconciliation.services.matching_preview import preview
from reconciliation.services.matching_rules import rules_of
from reconciliation.services.rematch import rematch
from reconciliation.services.undo import undo
from tests.reconciliation.conftest import BY, BankLine, Shop, card_present, settlement_csv, statement, violations
from tests.reconciliation.test_matching import open_kinds, overdue
from tests.reconciliation.test_matching_rules import having, noon, sets
from tests.reconciliation.test_payout_references import announced

DAY: dict[str, Any] = {"day_total": {"enabled": True}, "batch": {"enabled": True}}


@pytest.fixture(autouse=True)
def audited(shop: Shop) -> Iterator[None]:
    """Whatever is open is true, and whatever is true is open."""
    yield
    assert list(audit.check()) == []
    assert violations() == []


def sold(shop: Shop, *amounts: int, tid: str = "TID-1", days_ago: int = 1) -> list[Payment]:
    return [shop.sells_in_store(amount, at=noon(days_ago), acquirer_tid=tid) for amount in amounts]


def totals(shop: Shop, *amounts: int, tid: str = "TID-1", at: datetime | None = None) -> None:
    """A settlement that tells sums alone, of one terminal and day."""
    lines = [card_present(amount, kind="terminal_sale", tid=tid, fee=10) for amount in amounts]
    file = shop.sends(settlement_csv(*lines, at=at or noon()), provider_account=shop.account("external"))
    assert file.status == "imported", file.problems


def test_one_line_is_all_that_a_terminal_sold_on_its_day(shop: Shop) -> None:
    sets(shop, provider="external", **DAY)
    payments = sold(shop, 1_250, 3_000, 4_500)
    other_till, other_day = sold(shop, 9_900, tid="TID-2"), sold(shop, 700, days_ago=2)
    totals(shop, 8_750)
    assert (open_kinds(shop), shop.balance("suspense")) == ([], 0)
    assert {shop.balance("receivable", one.item) for one in payments} == {0}
    assert [shop.balance("receivable", one.item) for one in (*other_till, *other_day)] == [9_900, 700]
    row = Discrepancy.objects.get(kind="unknown_line")
    assert row.resolution is not None
    assert (row.resolution["action"], row.resolution["rule"]) == ("match", "day_total")
    assert sorted(row.resolution["with"]) == sorted(one.id for one in payments)
    assert {amount for kind, amount in overdue(shop) if kind == "missing_in_settlement"} == {9_900, 700}


def test_the_lines_of_a_batch_are_together_what_was_sold_and_given_back(shop: Shop) -> None:
    sets(shop, provider="external", **DAY)
    sales = sold(shop, 1_250, 3_000, 4_500)
    shop.reports(Kind.REFUND, 500, original=1, at=noon(), acquirer_tid="TID-1")
    totals(shop, 2_250, 6_000)
    assert (open_kinds(shop), shop.balance("suspense")) == ([], 0)
    assert {shop.balance("receivable", one.item) for one in sales} == {0}
    rows = Discrepancy.objects.filter(kind="unknown_line")
    assert {row.status for row in rows} == {"resolved"}


def test_it_is_found_later_too_and_undone_by_a_person_for_good(shop: Shop) -> None:
    totals(shop, 4_250)
    sets(shop, provider="external", **DAY)
    payments = sold(shop, 1_250, 3_000)
    found = preview(shop.account("external"), rules_of(shop.account("external")))
    assert found.matched["day_total"] == 1
    assert rematch() == 1
    assert open_kinds(shop) == []
    row = Discrepancy.objects.get(kind="unknown_line")
    undo(merchant=shop.merchant, discrepancy_id=row.id, note="Not those.", actor=BY)
    assert (open_kinds(shop), shop.balance("suspense")) == ([("unknown_line", 4_250)], -4_250)
    assert [shop.balance("receivable", one.item) for one in payments] == [1_250, 3_000]
    assert rematch() == 0


@pytest.mark.parametrize("days", [0, 2])
def test_days_before_count_as_the_rule_says(shop: Shop, days: int) -> None:
    sets(shop, provider="external", day_total={"enabled": True, "window_days": days})
    sold(shop, 1_000, days_ago=1)
    sold(shop, 2_000, 3_000, days_ago=3)
    totals(shop, 6_000)
    assert open_kinds(shop) == ([] if days else [("unknown_line", 6_000)])


@pytest.mark.parametrize("line", [8_748, 8_752])
@pytest.mark.parametrize("lines", [1, 2])
def test_a_tolerated_difference_of_the_whole_is_booked_as_agreed(shop: Shop, line: int, lines: int) -> None:
    sets(shop, provider="external", **{name: {"enabled": True, "tolerance": 5, "reason": "fee"} for name in DAY})
    payments = sold(shop, 1_250, 3_000, 4_500)
    fees = 10 * lines
    totals(shop, *([line] if lines == 1 else [1_000, line - 1_000]))
    assert (open_kinds(shop), shop.balance("suspense")) == ([], 0)
    assert {shop.balance("receivable", one.item) for one in payments} == {0}
    assert shop.balance("fees") == fees + 8_750 - line
    row = Discrepancy.objects.filter(kind="unknown_line").order_by("id")[0]
    undo(merchant=shop.merchant, discrepancy_id=row.id, note="Ask them.", actor=BY)
    assert shop.balance("fees") == fees
    assert shop.balance("suspense") == -line


def test_what_fits_two_groups_or_is_off_is_left_to_a_person(shop: Shop) -> None:
    sold(shop, 1_250, 3_000)
    totals(shop, 4_250)
    assert open_kinds(shop) == [("unknown_line", 4_250)], "it is off before a merchant has said so"
    totals(shop, 4_250)
    sets(shop, provider="external", **DAY)
    assert rematch() == 0
    assert open_kinds(shop) == [("unknown_line", 4_250)] * 2


def test_more_than_what_is_tolerated_is_left_to_a_person(shop: Shop) -> None:
    sets(shop, provider="external", day_total={"enabled": True, "tolerance": 5, "reason": "fee"})
    sold(shop, 1_250, 3_000)
    totals(shop, 4_240)
    assert open_kinds(shop) == [("unknown_line", 4_240)]


def test_a_sale_that_was_settled_by_itself_is_in_no_total(shop: Shop) -> None:
    sets(shop, provider="external", **DAY)
    first, *others = sold(shop, 1_250, 3_000, 4_500)
    named = card_present(1_250, rrn="000000000777", tid="TID-1", code="C0FFE1")
    first.operations.update(provider_reference="TX")
    assert named.gross == first.amount
    shop.sends(settlement_csv(type(named)(1_250, reference="TX"), at=noon()), provider_account=shop.account("external"))
    totals(shop, 7_500)
    assert open_kinds(shop) == []
    assert {shop.balance("receivable", one.item) for one in others} == {0}


@pytest.mark.parametrize("on", [True, False])
def test_one_transfer_is_several_payouts_where_the_rule_is_on(shop: Shop, on: bool) -> None:
    sets(shop, payout_set={"enabled": on})
    announced(shop, "PX7Q-A1", 10_000)
    announced(shop, "PX7Q-B2", 15_000)
    shop.sends(statement(BankLine(25_000, "PX7Q-A1 PX7Q-B2", name="Stichting")))
    assert set(Payout.objects.values_list("status", flat=True)) == {"received" if on else "announced"}
    assert shop.balance("suspense") == (0 if on else -25_000)
    if not on:
        sets(shop)
        rematch()
        assert set(Payout.objects.values_list("status", flat=True)) == {"received"}


@pytest.mark.parametrize("on", [True, False])
def test_several_transfers_are_one_payout_where_the_rule_is_on(shop: Shop, on: bool) -> None:
    sets(shop, payout_parts={"enabled": on})
    payout = announced(shop, "PX7Q-A1", 10_000)
    shop.sends(statement(BankLine(4_000, "PX7Q-A1"), BankLine(6_000, "PX7Q-A1")))
    payout.refresh_from_db()
    assert (payout.status, payout.amount_received) == (("received", 10_000) if on else ("announced", 0))
    rematch()
    payout.refresh_from_db()
    assert payout.amount_received == (10_000 if on else 0)


def test_rules_that_were_set_before_there_were_so_many_keep_their_places(shop: Shop) -> None:
    account = shop.account("external")
    sets(shop, "order", provider="external")
    several = ["day_total", "batch", "payout_set", "payout_parts", "payout_batch"]
    MatchingRule.objects.filter(rule__in=several).delete()
    assert rules_of(account) == tuple(having("order"))
