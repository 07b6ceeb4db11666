"""A part is resolved and the rest stays open; one thing is matched with many that come to the same."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.errors import Invalid, OnetillError, ValidationFailed
from payments.models import Discrepancy
from payments.people.models import Approval
from reconciliation.models import BankStatementLine, Payout, SettlementLine
from reconciliation.services import undo as undoing
from reconciliation.services.open_balance import open_balance
from reconciliation.services.overdue import raise_overdue
from reconciliation.services.resolve import decide
from tests.builders import fresh
from tests.people.cast import person
from tests.reconciliation.conftest import BankLine, Line, Shop, settlement_csv, statement, violations
from tests.reconciliation.test_payout_references import announced, banked
from tests.reconciliation.test_resolve import resolved, unknown_line
from tests.reconciliation.test_undo import differs, undo
from tests.threads import at_once


def left(row: Discrepancy) -> int:
    balance = open_balance(fresh(row))
    assert balance is not None
    return balance.amount


def agreed(shop: Shop, row: Discrepancy, action: str, **how: Any) -> Discrepancy:
    """Proposed, and approved by a second person."""
    assert resolved(shop, row, action, **how).status == "proposed"
    decide(row.id, user=person(f"bob{Approval.objects.count()}", shop.merchant.id), approved=True)
    row.refresh_from_db()
    return row


def test_a_part_is_a_fee_a_part_is_written_off_and_the_rest_is_in_suspense(shop: Shop) -> None:
    row = differs(shop, 1_000)
    assert resolved(shop, row, "book_fee", amount=300).status == "open"
    assert left(row) == 700
    assert agreed(shop, row, "write_off", amount=200).status == "open"
    assert left(row) == 500
    assert resolved(shop, row, "suspense").status == "resolved"
    booked = [shop.balance(account) for account in ("fees", "write_offs", "suspense", "receivable")]
    assert booked[:3] == [300, 200, 500]
    assert shop.balance("receivable", row.item) == 0
    assert violations() == []
    assert isinstance(undo(shop, row), Approval)  # two people agreed to a part of it


@pytest.mark.parametrize("amount", [1_001, -1, 2**60])
def test_no_part_is_more_than_stands_open(shop: Shop, amount: int) -> None:
    row = differs(shop, 1_000)
    with pytest.raises(Invalid) as refusal:
        resolved(shop, row, "book_fee", amount=amount)
    assert (refusal.value.code, refusal.value.members) == ("amount_exceeds_open", {"open": 1_000})
    assert shop.balance("fees") == 0


def test_what_is_left_of_a_part_is_all_that_is_left(shop: Shop) -> None:
    row = differs(shop, 1_000)
    resolved(shop, row, "book_fee", amount=300)
    with pytest.raises(Invalid) as refusal:
        resolved(shop, row, "book_fee", amount=701)
    assert refusal.value.members == {"open": 700}
    assert resolved(shop, row, "book_fee", amount=700).status == "resolved"
    assert undo(shop, row).status == "open"
    assert (left(row), shop.balance("fees")) == (1_000, 0)
    assert violations() == []


def test_parts_of_a_payment_of_which_more_is_open(shop: Shop) -> None:
    """Two sales' worth of captures on one receivable: only the difference of the one that was settled is booked."""
    row = differs(shop, 1_000)
    payment = row.payment
    assert payment is not None
    resolved(shop, row, "suspense", amount=400)
    with pytest.raises(Invalid):
        resolved(shop, row, "suspense", amount=601)
    assert resolved(shop, row, "suspense", amount=600).status == "resolved"


def test_a_part_of_money_in_suspense_has_the_sign_of_the_ledger_or_none(shop: Shop) -> None:
    row = unknown_line(shop)
    assert left(row) == -5_000
    resolved(shop, row, "book_fee", amount=1_000)
    assert left(row) == -4_000
    resolved(shop, row, "book_fee", amount=-1_000)
    assert left(row) == -3_000
    assert shop.balance("fees") == -2_000
    with pytest.raises(ValidationFailed) as refusal:
        resolved(shop, row, "suspense", amount=1_000)  # where it is already
    assert refusal.value.faults[0].code == "not_for_action"
    assert violations() == []


@pytest.mark.parametrize(
    ("action", "how", "code"),
    [
        ("accept", {"amount": 5}, "not_for_action"),
        ("wait", {"amount": 5, "until": (timezone.now() + timedelta(days=3)).date()}, "not_for_action"),
        ("book_fee", {"amount": 0}, "out_of_range"),
    ],
)
def test_a_part_of_nothing_is_refused(shop: Shop, action: str, how: dict[str, Any], code: str) -> None:
    row = differs(shop)
    with pytest.raises(ValidationFailed) as refusal:
        resolved(shop, row, action, **how)
    assert code in [fault.code for fault in refusal.value.faults]


def test_parts_add_up_to_the_limit(shop: Shop) -> None:
    shop.merchant.second_person_above = 500
    shop.merchant.save()
    anna = person("anna", shop.merchant.id)
    row = differs(shop, 1_000)
    assert resolved(shop, row, "book_fee", actor=anna, amount=300).status == "open"
    assert resolved(shop, row, "book_fee", actor=anna, amount=300).status == "proposed"
    assert shop.balance("fees") == 300


def test_parts_of_others_count_towards_the_day(shop: Shop) -> None:
    shop.merchant.second_person_above, shop.merchant.second_person_above_daily = 5_000, 900
    shop.merchant.save()
    anna = person("anna", shop.merchant.id)
    first = differs(shop, 1_000)
    payment = shop.sells_online(5_000)
    shop.sends(settlement_csv(Line(4_000, operation=payment.operations.get().id)))
    second = shop.disagreements("amount_differs")[1]
    assert resolved(shop, first, "book_fee", actor=anna, amount=600).status == "open"
    assert resolved(shop, second, "book_fee", actor=anna, amount=600).status == "proposed"


def test_a_line_is_matched_with_many_payments_that_come_to_the_same(shop: Shop) -> None:
    payments = [shop.sells_online(amount) for amount in (1_000, 1_500, 2_500)]
    row = unknown_line(shop)
    raise_overdue(now=timezone.now() + timedelta(days=9))
    assert len(shop.disagreements("missing_in_settlement")) == 3
    assert resolved(shop, row, "match", with_=tuple(one.id for one in payments)).status == "resolved"
    assert [shop.balance("receivable", one.item) for one in payments] == [0, 0, 0]
    assert shop.balance("suspense") == 0
    assert shop.disagreements("unknown_line", "missing_in_settlement") == []
    assert violations() == []
    assert undo(shop, row).status == "open"
    assert [shop.balance("receivable", one.item) for one in payments] == [1_000, 1_500, 2_500]
    assert violations() == []


def test_what_a_match_has_settled_is_not_missed_afterwards(shop: Shop) -> None:
    payments = [shop.sells_online(2_500), shop.sells_online(2_500)]
    resolved(shop, unknown_line(shop), "match", with_=tuple(one.id for one in payments))
    raise_overdue(now=timezone.now() + timedelta(days=9))
    assert shop.disagreements("missing_in_settlement") == []


def test_what_does_not_come_to_the_same_is_proposed_with_the_difference(shop: Shop) -> None:
    payments = [shop.sells_online(1_000), shop.sells_online(3_900)]
    row = unknown_line(shop)
    anna = person("anna", shop.merchant.id)
    resolved(shop, row, "match", actor=anna, with_=tuple(one.id for one in payments))
    assert fresh(row).status == "proposed"
    assert Approval.objects.get().payload["difference"] == -100
    decide(row.id, user=person("bob", shop.merchant.id), approved=True)
    assert [shop.balance("receivable", one.item) for one in payments] == [0, -100]
    assert violations() == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_differences_explain_one_another(shop: Shop, order: tuple[int, int]) -> None:
    """A sale that no settlement shows, and a line of the same amount about nothing known."""
    payment = shop.sells_online(5_000)
    unknown = unknown_line(shop)
    raise_overdue(now=timezone.now() + timedelta(days=9))
    (missing,) = shop.disagreements("missing_in_settlement")
    rows = [unknown, missing]
    row, other = rows[order[0]], rows[order[1]]
    assert resolved(shop, row, "match", with_=(other.id,)).status == "resolved"
    assert (fresh(other).status, fresh(other).resolution["with"]) == ("resolved", [row.id])
    assert shop.balance("receivable", payment.item) == shop.balance("suspense") == 0
    assert violations() == []
    # Undone from the other side: both stand open again.
    assert undo(shop, other).status == "open"
    assert fresh(row).status == "open"
    assert shop.balance("receivable", payment.item) == 5_000
    assert violations() == []


def test_differences_in_the_same_direction_explain_nothing(shop: Shop) -> None:
    first = differs(shop, 200)
    payment = shop.sells_online(5_000)
    shop.sends(settlement_csv(Line(4_800, operation=payment.operations.get().id)))
    second = shop.disagreements("amount_differs")[1]
    with pytest.raises(ValidationFailed):
        resolved(shop, first, "match", with_=(second.id,))


def test_a_part_of_a_larger_difference_is_netted_by_two_people(shop: Shop) -> None:
    row = differs(shop, 300)
    unknown = unknown_line(shop)
    assert agreed(shop, unknown, "match", with_=(row.id,)).status == "open"
    assert (left(unknown), fresh(row).status) == (-4_700, "resolved")
    assert violations() == []


def test_one_transfer_is_several_payouts(shop: Shop) -> None:
    first, second = announced(shop, "PX-1", 10_000), announced(shop, "PX-2", 15_000)
    announced(shop, "PX-3", 1_000)  # so that it is not all that the provider owes
    line = banked(shop, 25_000, "Verzameluitbetaling")
    (row,) = shop.disagreements("unknown_line")
    assert resolved(shop, row, "match", with_=(first.id, second.id)).status == "resolved"
    assert [fresh(one).status for one in (first, second)] == ["received", "received"]
    assert (shop.balance("in_transit"), shop.balance("suspense")) == (1_000, 0)
    line.refresh_from_db()
    assert (line.state, line.payout) == ("payout", None)
    assert violations() == []
    assert undo(shop, row).status == "open"
    assert [fresh(one).status for one in (first, second)] == ["announced", "announced"]
    assert violations() == []


def test_a_part_of_a_transfer_is_a_payout_and_the_rest_stays_open(shop: Shop) -> None:
    payout, other = announced(shop, "PX-1", 10_000), announced(shop, "PX-2", 16_000)
    line = banked(shop, 25_000, "Verzameluitbetaling")
    (row,) = shop.disagreements("unknown_line")
    assert resolved(shop, row, "match", with_=(payout.id,), amount=10_000).status == "open"
    assert (fresh(payout).status, left(row), shop.balance("suspense", line.item)) == ("received", -15_000, -15_000)
    assert violations() == []
    assert agreed(shop, row, "match", with_=(other.id,)).status == "resolved"
    (short,) = shop.disagreements("payout_differs")
    assert (short.amount, shop.balance("suspense")) == (1_000, 0)
    assert violations() == []


def test_several_transfers_are_one_payout(shop: Shop) -> None:
    payout = announced(shop, "REF 1234567", 77_00)
    shop.sends(statement(BankLine(40_00, "first", name="Stichting"), BankLine(37_00, "second", name="Stichting")))
    raise_overdue(now=timezone.now() + timedelta(days=9))
    (row,) = shop.disagreements("payout_not_received")
    names = tuple(f"bnl_{line.id}" for line in BankStatementLine.objects.order_by("-id"))
    assert resolved(shop, row, "match", with_=names).status == "resolved"
    assert fresh(payout).status == "received"
    assert (shop.balance("bank"), shop.balance("in_transit")) == (77_00, 0)
    assert violations() == []
    assert undo(shop, row).status == "open"
    assert (shop.balance("bank"), shop.balance("in_transit")) == (0, 77_00)
    assert violations() == []


def test_a_part_of_a_line_that_was_passed_over_is_a_payout_and_the_rest_is_asked_about(shop: Shop) -> None:
    payout = announced(shop, "REF 1234567", 77_00)
    shop.sends(statement(BankLine(80_00, "all", name="Stichting")))
    raise_overdue(now=timezone.now() + timedelta(days=9))
    (row,) = shop.disagreements("payout_not_received")
    line = BankStatementLine.objects.get()
    assert agreed(shop, row, "match", with_=(f"bnl_{line.id}",), amount=77_00).status == "resolved"
    assert fresh(payout).status == "received"
    (rest,) = shop.disagreements("unknown_line")
    assert (rest.amount, left(rest)) == (3_00, -3_00)
    assert violations() == []
    undo(shop, row)
    undoing.decide(row.id, user=person("carl", shop.merchant.id), approved=True)
    assert shop.disagreements("unknown_line") == []
    assert violations() == []


def test_a_payout_that_differs_twice_keeps_its_second_difference_open(shop: Shop) -> None:
    """The first match by hand closed the difference that it had just opened."""
    announced(shop, "SIMPAY-2026-1", 25_000)
    banked(shop, 10_000, "SIMPAY-2026-1")
    shop.sends(statement(BankLine(5_000, "Rest", name="Stichting"), opening=10_000))
    (row,) = shop.disagreements("payout_differs")
    line = BankStatementLine.objects.latest("id")
    assert agreed(shop, row, "match", with_=(f"bnl_{line.id}",)).status == "resolved"
    (rest,) = shop.disagreements("payout_differs")
    assert (rest.id != row.id, rest.amount) == (True, 10_000)
    assert violations() == []


def test_money_that_was_sent_back_makes_the_payout_missing_again(shop: Shop) -> None:
    payout = announced(shop, "SIMPAY-2026-1", 25_000)
    banked(shop, 25_000, "SIMPAY-2026-1")
    assert fresh(payout).status == "received"
    banked(shop, -25_000, "Terugboeking")
    (row,) = shop.disagreements("unknown_line")
    assert resolved(shop, row, "match", with_=(payout.id,)).status == "resolved"
    assert (fresh(payout).status, fresh(payout).amount_received) == ("announced", 0)
    (missing,) = shop.disagreements("payout_not_received")
    assert missing.amount == 25_000
    assert violations() == []


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("pyo_1",), "not_found"),
        (("dsc_00000000000000000000000000",), "not_found"),
        (("x", "x"), "named_twice"),
        ((), "required"),
    ],
)
def test_what_is_not_there_is_refused(shop: Shop, names: tuple[str, ...], code: str) -> None:
    row = unknown_line(shop)
    with pytest.raises(ValidationFailed) as refusal:
        resolved(shop, row, "match", with_=names)
    assert [fault.code for fault in refusal.value.faults] == [code]


def test_more_than_is_needed_is_refused(shop: Shop) -> None:
    payouts = [announced(shop, f"PX-{number}", 25_000) for number in (1, 2)]
    banked(shop, 25_000, "Verzameluitbetaling")
    (row,) = shop.disagreements("unknown_line")
    with pytest.raises(ValidationFailed) as refusal:
        resolved(shop, row, "match", with_=tuple(one.id for one in payouts))
    assert [fault.code for fault in refusal.value.faults] == ["exceeds_amount"]


def test_another_merchants_difference_is_none(shop: Shop, open_shop: Any) -> None:
    stranger = open_shop("Vreemd")
    theirs = unknown_line(stranger)
    row = differs(shop)
    with pytest.raises(ValidationFailed):
        resolved(shop, row, "match", with_=(theirs.id,))


def test_two_parts_at_once_never_come_to_more_than_is_open(shop: Shop) -> None:
    row = differs(shop, 1_000)
    done = at_once(
        lambda: resolved(shop, row, "book_fee", amount=600), lambda: resolved(shop, row, "suspense", amount=600)
    )
    refusals = [one.code for one in done if isinstance(one, OnetillError)]
    assert refusals == ["amount_exceeds_open"]
    assert left(row) == 400


def test_one_payment_is_not_matched_with_two_lines_at_once(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    account = shop.account("simulator")
    shop.sends(settlement_csv(Line(5_000, reference="a"), Line(5_000, reference="b")), provider_account=account)
    first, second = shop.disagreements("unknown_line")
    at_once(
        lambda: resolved(shop, first, "match", with_=(payment.id,)),
        lambda: resolved(shop, second, "match", with_=(payment.id,)),
    )
    assert sorted([fresh(first).status, fresh(second).status]) == ["proposed", "resolved"]
    assert shop.balance("receivable", payment.item) == 0
    assert SettlementLine.objects.filter(state="matched").count() == 1


def test_two_differences_matched_with_one_another_from_both_sides_at_once(shop: Shop) -> None:
    shop.sells_online(5_000)
    unknown = unknown_line(shop)
    raise_overdue(now=timezone.now() + timedelta(days=9))
    (missing,) = shop.disagreements("missing_in_settlement")
    done = at_once(
        lambda: resolved(shop, unknown, "match", with_=(missing.id,)),
        lambda: resolved(shop, missing, "match", with_=(unknown.id,)),
    )
    assert [one.code for one in done if isinstance(one, OnetillError)] in (
        ["discrepancy_not_open"],
        ["validation_failed"],
    )
    assert shop.balance("suspense") == 0
    assert violations() == []


def test_one_payout_is_not_given_to_two_lines_at_once(shop: Shop) -> None:
    payout = announced(shop, "PX-1", 10_000)
    banked(shop, 10_000, "eins")
    banked(shop, 10_000, "zwei")
    first, second = shop.disagreements("unknown_line")
    at_once(
        lambda: resolved(shop, first, "match", with_=(payout.id,)),
        lambda: resolved(shop, second, "match", with_=(payout.id,)),
    )
    assert Payout.objects.get().amount_received == 10_000
    assert shop.balance("in_transit", payout.item) == 0
    assert violations() == []


def test_a_difference_is_closed_where_more_than_it_is_open_of_its_payment(shop: Shop) -> None:
    """A sale in two halves, of which the first was settled short and the second not yet."""
    row = differs(shop, 1_000)
    account = shop.account("simulator")
    shop.sends(settlement_csv(Line(1_000, reference="who?"), payout="P-9"), provider_account=account)
    (unknown,) = shop.disagreements("unknown_line")
    resolved(shop, row, "suspense", amount=400)
    with pytest.raises(Invalid):
        resolved(shop, unknown, "match", with_=(row.id,), amount=1_001)
    assert resolved(shop, unknown, "match", with_=(row.id,), amount=600).status == "open"
    assert (fresh(row).status, left(unknown)) == ("resolved", -400)
    assert violations() == []


def test_what_one_decides_after_two_undid_it_counts_towards_the_day(shop: Shop) -> None:
    anna = person("anna", shop.merchant.id)
    row = differs(shop, 600)
    agreed(shop, row, "write_off")
    undo(shop, row)
    undoing.decide(row.id, user=person("carl", shop.merchant.id), approved=True)
    shop.merchant.second_person_above, shop.merchant.second_person_above_daily = 5_000, 900
    shop.merchant.save()
    assert resolved(shop, row, "book_fee", actor=anna).status == "resolved"
    payment = shop.sells_online(5_000)
    shop.sends(settlement_csv(Line(4_400, operation=payment.operations.get().id)))
    (other,) = shop.disagreements("amount_differs")
    assert resolved(shop, other, "book_fee", actor=anna).status == "proposed"
