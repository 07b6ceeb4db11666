"""A payout is at the bank where its reference stands as a word of its own; equal amounts prove nothing."""

import pytest

from payments.models import Discrepancy
from reconciliation.models import BankStatement, BankStatementLine, Payout
from tests.reconciliation.conftest import BankLine, Line, Shop, settlement_csv, statement

PROVIDER = "SIMULATOR PAYMENTS BV"


def announced(shop: Shop, reference: str, amount: int) -> Payout:
    """A payout made known without any sale, by a reserve that is released."""
    line = Line(amount, type="reserve_release", reference=f"RES-{reference}")
    shop.sends(settlement_csv(line, payout=reference), provider_account=shop.account("simulator"))
    return Payout.objects.get(merchant=shop.merchant, reference=reference)


def banked(shop: Shop, amount: int, text: str, *, name: str = PROVIDER) -> BankStatementLine:
    before = BankStatement.objects.filter(merchant=shop.merchant).order_by("id").last()
    opening = before.closing if before is not None and before.closing is not None else 0
    shop.sends(statement(BankLine(amount, text, name=name), opening=opening))
    return BankStatementLine.objects.latest("id")


def status(payout: Payout) -> str:
    payout.refresh_from_db()
    return payout.status


def open_about(shop: Shop, line: BankStatementLine) -> list[tuple[str, int | None]]:
    """What stands open about a bank's line."""
    rows = Discrepancy.objects.filter(merchant=shop.merchant, key__endswith=f":bank:{line.id}", status="open")
    return [(row.kind, row.amount) for row in rows]


def test_a_payout_within_the_number_of_another_waits_for_its_own(shop: Shop) -> None:
    first = announced(shop, "SIMPAY-2026-1", 25_000)
    line = banked(shop, 25_000, "PAYOUT SIMPAY-2026-12 THANK YOU")
    assert (status(first), open_about(shop, line)) == ("announced", [("unknown_line", 25_000)])
    twelfth = announced(shop, "SIMPAY-2026-12", 25_000)
    assert (status(first), status(twelfth), open_about(shop, line)) == ("announced", "received", [])
    banked(shop, 25_000, "PAYOUT SIMPAY-2026-1 THANK YOU")
    assert status(first) == "received"
    assert shop.balance("in_transit") == shop.balance("suspense") == 0


@pytest.mark.parametrize(
    "text", ["SIMPAY-2026-1 2", "simpay-20 26-12", "/REMI/SIMPAY-2026-12/EREF", "(SIMPAY-2026-12)"]
)
def test_the_longest_reference_that_fits_is_meant_wherever_the_bank_broke_it(shop: Shop, text: str) -> None:
    first, twelfth = announced(shop, "SIMPAY-2026-1", 25_000), announced(shop, "SIMPAY-2026-12", 25_000)
    banked(shop, 25_000, text)
    assert (status(first), status(twelfth)) == ("announced", "received")


@pytest.mark.parametrize(
    ("reference", "amount", "text", "name"),
    [
        ("1001", 31_000, "FACTUUR 2100156", "JANSEN BV"),
        ("12", 7_700, "Factuur 2026-1234", "JANSEN BV"),
        ("12", 7_700, "Bestelling 12", "JANSEN BV"),
        ("PAY-7", 900, "REPAY-7 OF RESERVE", PROVIDER),
        ("PX7Q0042", 900, "PX7Q00429", PROVIDER),
        ("SIM.2026", 900, "SIMX2026", PROVIDER),
        ("13", 9_900, "Bestelling 13", "JANSEN BV"),
        ("13", 9_900, "Bestelling 13", PROVIDER),
        ("P-1", 9_900, "P-1", "JANSEN BV"),
    ],
)
def test_what_only_might_be_a_payout_is_asked(shop: Shop, reference: str, amount: int, text: str, name: str) -> None:
    payout = announced(shop, reference, amount)
    line = banked(shop, 500 if amount == 9_900 else amount, text, name=name)
    assert status(payout) == "announced"
    assert open_about(shop, line) == [("unknown_line", line.amount)]
    assert shop.balance("in_transit", payout.item) == amount


@pytest.mark.parametrize(("reference", "name"), [("12", PROVIDER), ("PAY-7", "Somebody"), ("1001", "simulator pay")])
def test_a_short_number_counts_beside_the_providers_name_and_a_short_word_with_its_amount(
    shop: Shop, reference: str, name: str
) -> None:
    payout = announced(shop, reference, 7_700)
    banked(shop, 7_700, f"Batch {reference}", name=name)
    assert status(payout) == "received"


def test_a_short_number_that_was_at_the_bank_before_counts_alike(shop: Shop) -> None:
    ours = banked(shop, 7_700, "Batch 12")
    banked(shop, 7_700, "Bestelling 12", name="JANSEN BV")
    payout = announced(shop, "12", 7_700)
    assert status(payout) == "received"
    assert payout.bank_lines.get() == ours


@pytest.mark.parametrize("named", ["CCV", "Ccv Group B.V."])
def test_a_providers_money_without_a_settlement_is_told_however_short_its_name(shop: Shop, named: str) -> None:
    account = shop.account("external")
    account.name = "CCV"
    account.save()
    line = banked(shop, 12_345, "BATCH 551", name=named)
    assert open_about(shop, line) == [("unknown_line", 12_345)]
    assert line.provider_account_id == account.id


def test_a_name_within_another_is_nobodys(shop: Shop) -> None:
    account = shop.account("external")
    account.name = "CCV"
    account.save()
    assert open_about(shop, banked(shop, 12_345, "BATCH 551", name="ACCVB Accountants")) == []
