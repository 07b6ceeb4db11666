"""One transfer for several payouts, one that is sent back, paid twice, or a payment that is credited by itself."""

from collections.abc import Callable

import pytest

from payments.models import Payment
from reconciliation.models import BankStatementLine, Payout
from reconciliation.services import rematch
from reconciliation.services.candidates import candidates
from tests.builders import fresh
from tests.reconciliation.conftest import BankLine, Line, Shop, settlement_csv, statement, violations
from tests.reconciliation.test_payout_references import PROVIDER, announced, banked, open_about
from tests.reconciliation.test_resolve import resolved


def statuses(*rows: Payout) -> list[str]:
    return [fresh(row).status for row in rows]


def open_kinds(shop: Shop) -> list[tuple[str, int | None]]:
    """What stands open, but for the reserves by which payouts are announced here, and gaps between statements."""
    aside = ("missing_in_books", "statement_gap")
    return [(row.kind, row.amount) for row in shop.disagreements() if row.kind not in aside]


@pytest.mark.parametrize("text", ["PX7Q-A1 PX7Q-B2", "Payouts: PX7Q-B2, PX7Q-A1.", "pxq PX7Q - A1 + PX7Q-B2"])
def test_one_transfer_is_all_the_payouts_that_it_names(shop: Shop, text: str) -> None:
    rows = announced(shop, "PX7Q-A1", 10_000), announced(shop, "PX7Q-B2", 15_000)
    line = banked(shop, 25_000, text, name="Stichting")
    assert statuses(*rows) == ["received", "received"]
    assert (line.state, open_about(shop, line)) == ("payout", [])
    assert shop.balance("in_transit") == shop.balance("suspense") == 0
    assert shop.balance("bank") == 25_000
    assert violations() == []


def test_it_is_none_of_them_where_they_do_not_come_to_its_amount(shop: Shop) -> None:
    rows = announced(shop, "PX7Q-A1", 10_000), announced(shop, "PX7Q-B2", 15_000)
    line = banked(shop, 24_000, "PX7Q-A1 PX7Q-B2")
    assert statuses(*rows) == ["announced", "announced"]
    assert open_about(shop, line) == [("unknown_line", 24_000)]
    (row,) = shop.disagreements("unknown_line")
    assert {one.id for one in candidates(row)} == {one.id for one in rows}


def test_of_two_that_it_names_the_one_that_it_can_only_be(shop: Shop) -> None:
    rows = announced(shop, "PX7Q-A1", 10_000), announced(shop, "PX7Q-B2", 15_000)
    banked(shop, 15_000, "PX7Q-A1 PX7Q-B2")
    assert statuses(*rows) == ["announced", "received"]
    assert violations() == []


def test_a_name_within_the_other_ones_is_named_only_where_it_stands_by_itself(shop: Shop) -> None:
    rows = announced(shop, "SIMPAY-2026-1", 10_000), announced(shop, "SIMPAY-2026-12", 15_000)
    banked(shop, 14_000, "SIMPAY-2026-1 2")
    assert statuses(*rows) == ["announced", "announced"]
    assert [(row.kind, row.amount) for row in shop.disagreements("payout_differs")] == [("payout_differs", 1_000)]
    again = announced(shop, "SIMPAY-2027-1", 10_000), announced(shop, "SIMPAY-2027-12", 15_000)
    banked(shop, 25_000, "SIMPAY-2027-12, SIMPAY-2027-1")
    assert statuses(*again) == ["received", "received"]
    assert violations() == []


def test_payouts_of_two_providers_are_never_one_transfer(shop: Shop) -> None:
    first = announced(shop, "PX7Q-A1", 10_000)
    line = Line(15_000, type="reserve_release", reference="RES")
    shop.sends(settlement_csv(line, payout="PX7Q-B2"), provider_account=shop.account("external"))
    banked(shop, 25_000, "PX7Q-A1 PX7Q-B2")
    assert statuses(first) == ["announced"]
    assert len(shop.disagreements("unknown_line")) == 1


def test_all_that_a_provider_owes_in_one_transfer_without_a_reference(shop: Shop) -> None:
    rows = announced(shop, "PX7Q-A1", 10_000), announced(shop, "PX7Q-B2", 15_000)
    banked(shop, 25_000, "Uitbetaling week 47", name=PROVIDER)
    assert statuses(*rows) == ["received", "received"]
    assert violations() == []


@pytest.mark.parametrize(
    ("amount", "text", "name"),
    [
        (25_000, "Uitbetaling week 47", "JANSEN BV"),  # of nobody
        (10_000, "Uitbetaling week 47", PROVIDER),  # the amount of one of them proves nothing
        (24_999, "Uitbetaling week 47", PROVIDER),
    ],
)
def test_what_only_might_be_all_of_them_is_asked(shop: Shop, amount: int, text: str, name: str) -> None:
    rows = announced(shop, "PX7Q-A1", 10_000), announced(shop, "PX7Q-B2", 15_000)
    banked(shop, amount, text, name=name)
    assert statuses(*rows) == ["announced", "announced"]


def test_two_transfers_that_could_both_be_all_of_them_are_asked(shop: Shop) -> None:
    rows = announced(shop, "PX7Q-A1", 10_000), announced(shop, "PX7Q-B2", 15_000)
    shop.sends(statement(BankLine(25_000, "one", name=PROVIDER), BankLine(25_000, "two", name=PROVIDER)))
    assert statuses(*rows) == ["announced", "announced"]
    assert len(shop.disagreements("unknown_line")) == 2


@pytest.mark.parametrize("text", ["PX7Q-A1 PX7Q-B2", "Uitbetaling week 47"])
def test_the_transfer_may_come_before_its_settlements(shop: Shop, text: str) -> None:
    line = banked(shop, 25_000, text)
    assert open_about(shop, line) == [("unknown_line", 25_000)]
    first = announced(shop, "PX7Q-A1", 10_000)
    assert statuses(first) == ["announced"]
    second = announced(shop, "PX7Q-B2", 15_000)
    rematch.rematch()
    assert statuses(first, second) == ["received", "received"]
    assert open_kinds(shop) == []
    assert violations() == []


def test_a_payout_that_is_paid_twice_and_taken_back(shop: Shop) -> None:
    payout = announced(shop, "PX7Q-A1", 10_000)
    banked(shop, 10_000, "PX7Q-A1", name="Stichting")
    second = banked(shop, 10_000, "PX7Q-A1", name="Stichting")
    assert open_about(shop, second) == [("unknown_line", 10_000)]
    back = banked(shop, -10_000, "PX7Q-A1 te veel betaald", name="Stichting")
    assert open_about(shop, back) == [("unknown_line", -10_000)]  # it could be either
    one, other = shop.disagreements("unknown_line")
    assert resolved(shop, one, "match", with_=(other.id,)).status == "resolved"
    assert (statuses(payout), open_kinds(shop), shop.balance("suspense")) == (["received"], [], 0)
    assert violations() == []


def test_paid_twice_on_one_statement(shop: Shop) -> None:
    payout = announced(shop, "PX7Q-A1", 10_000)
    shop.sends(
        statement(BankLine(10_000, "PX7Q-A1", bank_reference="a"), BankLine(10_000, "PX7Q-A1", bank_reference="b"))
    )
    assert (statuses(payout), fresh(payout).amount_received) == (["received"], 10_000)
    assert len(shop.disagreements("unknown_line")) == 1
    assert violations() == []


def test_a_payout_that_is_sent_back_is_missing_again_until_it_is_paid_anew(shop: Shop) -> None:
    payout = announced(shop, "PX7Q-A1", 10_000)
    banked(shop, 10_000, "PX7Q-A1")
    banked(shop, -10_000, "Retour PX7Q-A1")
    assert (statuses(payout), fresh(payout).amount_received) == (["announced"], 0)
    assert open_kinds(shop) == [("payout_not_received", 10_000)]
    assert shop.balance("in_transit", payout.item) == 10_000
    assert violations() == []
    shop.sends(statement(BankLine(10_000, "PX7Q-A1 nogmaals"), opening=5_000))  # of another day, by its balance
    assert (statuses(payout), open_kinds(shop)) == (["received"], [])
    assert violations() == []


def ideal(shop: Shop, amount: int = 5_000) -> Payment:
    return shop.sells_online(amount)


def test_a_payment_that_is_credited_by_itself_is_settled_by_the_banks_line(shop: Shop) -> None:
    payment = ideal(shop)
    operation = payment.operations.get().id
    shop.sends(statement(BankLine(5_000, "iDEAL", end_to_end_id=operation.upper().replace("_", ""))))
    line = BankStatementLine.objects.get()
    assert (line.state, line.operation_id) == ("payment", operation)
    assert (shop.balance("receivable", payment.item), shop.balance("bank")) == (0, 5_000)
    assert shop.disagreements() == []
    assert violations() == []


def test_what_was_credited_and_is_settled_too_is_a_duplicate(shop: Shop) -> None:
    payment = ideal(shop)
    operation = payment.operations.get().id
    shop.sends(statement(BankLine(5_000, "iDEAL", end_to_end_id=operation)))
    shop.sends(settlement_csv(Line(5_000, operation=operation)))
    assert [row.kind for row in shop.disagreements()] == ["duplicate"]
    assert shop.balance("receivable", payment.item) == 0
    assert violations() == []


@pytest.mark.parametrize("amount", [4_999, 5_001])
def test_another_amount_than_was_sold_is_asked(shop: Shop, amount: int) -> None:
    payment = ideal(shop)
    shop.sends(statement(BankLine(amount, "iDEAL", end_to_end_id=payment.operations.get().id)))
    assert [(row.kind, row.amount) for row in shop.disagreements()] == [("unknown_line", amount)]
    assert shop.balance("receivable", payment.item) == 5_000
    assert violations() == []


def test_credited_twice_is_credited_once_and_asked(shop: Shop) -> None:
    payment = ideal(shop)
    name = payment.operations.get().id
    shop.sends(
        statement(
            BankLine(5_000, "iDEAL", end_to_end_id=name, bank_reference="a"),
            BankLine(5_000, "iDEAL", end_to_end_id=name, bank_reference="b"),
        )
    )
    shop.sends(statement(BankLine(5_000, "iDEAL", end_to_end_id=name), opening=110_000))
    assert shop.balance("receivable", payment.item) == 0
    assert [row.kind for row in shop.disagreements()] == ["unknown_line", "unknown_line"]
    assert violations() == []


def test_what_was_settled_before_it_is_credited_is_asked(shop: Shop) -> None:
    payment = ideal(shop)
    name = payment.operations.get().id
    shop.sends(settlement_csv(Line(5_000, operation=name)))
    shop.sends(statement(BankLine(5_000, "iDEAL", end_to_end_id=name)))
    assert [row.kind for row in shop.disagreements()] == ["unknown_line"]
    assert shop.balance("receivable", payment.item) == 0
    assert violations() == []


def test_a_credit_that_comes_before_its_payment_succeeded(shop: Shop) -> None:
    payment = ideal(shop)
    operation = payment.operations.get()
    payment.operations.update(outcome="pending")
    shop.sends(statement(BankLine(5_000, "iDEAL", end_to_end_id=operation.id)))
    assert [row.kind for row in shop.disagreements()] == ["unknown_line"]
    announced(shop, "PX7Q-A1", 10_000)
    assert shop.balance("receivable", payment.item) == 5_000
    payment.operations.update(outcome="succeeded")
    rematch.rematch()
    assert shop.balance("receivable", payment.item) == 0
    assert shop.disagreements("unknown_line") == []
    assert violations() == []


def test_another_merchants_payment_is_nobodys_here(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    stranger = open_shop("Vreemd")
    payment = ideal(stranger)
    shop.sends(statement(BankLine(5_000, "iDEAL", end_to_end_id=payment.operations.get().id)))
    assert BankStatementLine.objects.get().state == "other"
    assert stranger.balance("receivable", payment.item) == 5_000
