"""PayPal's exports: a running balance in each currency, conversions in pairs, holds, and withdrawals as payouts."""

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconciliation.formats.base import LineType, Problem, SettlementLine, SettlementTrailer
from reconciliation.formats.paypal_activity import PayPalActivity
from reconciliation.models import Payout
from reconciliation.models import SettlementLine as Stored
from tests.reconciliation.conftest import Shop, codes, violations

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the collected samples are not here")
COLUMNS = [
    "Date",
    "Time",
    "TimeZone",
    "Type",
    "Currency",
    "Gross",
    "Fee",
    "Net",
    "Transaction ID",
    "Reference Txn ID",
    "Invoice Number",
    "Balance",
]


def test_an_export_is_booked_with_fees_conversions_and_withdrawals(shop: Shop) -> None:
    sale = shop.sells_in_store(10_000, order="web-1001")
    file = shop.sends(
        export(
            ("14/11/2026", "Express Checkout Payment", "EUR", "100.00", "-3.40", "T1", "", "web-1001"),
            ("14/11/2026", "Payment Hold", "EUR", "-40.00", "0.00", "T2", "T1", ""),
            ("15/11/2026", "Payment Release", "EUR", "40.00", "0.00", "T3", "T1", ""),
            ("15/11/2026", "General Currency Conversion", "EUR", "-9.00", "0.00", "T4", "T6", ""),
            ("15/11/2026", "General Currency Conversion", "USD", "10.00", "0.00", "T5", "T6", ""),
            ("16/11/2026", "General Withdrawal", "EUR", "-30.00", "0.00", "T7", "", ""),
            ("17/11/2026", "General Withdrawal", "EUR", "-50.00", "0.00", "T8", "", ""),
        ),
        "activity.csv",
    )
    assert (file.status, file.format) == ("imported", "paypal_activity"), file.problems
    assert file.provider_account == shop.account("external"), "its line names an order of that account"
    assert shop.balance("receivable", sale.item) == 0
    assert shop.balance("fees") == 340
    payouts = Payout.objects.order_by("id")
    assert [(payout.reference, payout.amount) for payout in payouts] == [("T7", 3000), ("T8", 5000)]
    assert shop.balance("in_transit") == 8000
    held = Stored.objects.filter(type__in=["reserve_hold", "reserve_release"])
    assert len({line.item for line in held}) == 1, "what is held and released is one open item"
    assert shop.balance("reserve", held[0].item) == 0
    assert shop.balance("exchange") == 900 - 1000, "nine euros for ten dollars"
    assert shop.balance("reserve") == 760 + 1000, "what still stands at PayPal, in both currencies"
    assert shop.balance("receivable") == 0
    assert violations() == []


def test_what_is_left_is_carried_into_the_next_export(shop: Shop) -> None:
    account = shop.account("external")
    first = export(("14/11/2026", "Website Payment", "EUR", "100.00", "0.00", "T1", "", ""))
    second = export(("15/11/2026", "General Withdrawal", "EUR", "-100.00", "0.00", "T2", "", ""), EUR="100.00")
    shop.sends(first, provider_account=account)
    assert shop.balance("reserve") == 10_000
    assert shop.sends(second, provider_account=account).status == "imported"
    assert shop.balance("reserve") == 0
    assert shop.balance("in_transit") == 10_000
    assert violations() == []


def test_exports_that_overlap_book_nothing_twice(shop: Shop) -> None:
    account = shop.account("external")
    fee = ("14/11/2026", "Chargeback Fee", "EUR", "-16.00", "0.00", "T1", "", "")
    shop.sends(export(fee), provider_account=account)
    later = ("15/11/2026", "Chargeback Fee", "EUR", "-16.00", "0.00", "T2", "", "")
    first = ("13/11/2026", "Chargeback Fee", "EUR", "-16.00", "0.00", "T0", "", "")
    again = shop.sends(export(first, fee, later), provider_account=account)
    assert (again.status, codes(again)) == ("refused", ["movement_known"])
    assert "Row 3: T1 was imported with" in again.problems[0]["detail"]
    assert shop.balance("fees") == 1600


@pytest.mark.parametrize(
    ("rows", "code", "detail"),
    [
        pytest.param([("4/9/2026", "Website Payment", "EUR", "1.00", "0.00", "T1", "", "")], "date_ambiguous", "cannot be told", id="day or month"),
        pytest.param([("14/9/2026", "Website Payment", "EUR", "1.00", "0.00", "T1", "", ""), ("9/14/2026", "Website Payment", "EUR", "1.00", "0.00", "T2", "", "")], "date_ambiguous", "others with the month", id="both"),
        pytest.param([("14/9/2026", "Gift", "EUR", "1.00", "0.00", "T1", "", "")], "record_invalid", "Type is 'Gift', which is not known", id="type"),
        pytest.param([("14/9/2026", "General Currency Conversion", "EUR", "-1.00", "0.00", "T1", "T9", "")], "sums_differ", "Row 2 converts EUR, and no row has the other side", id="half a conversion"),
        pytest.param([("14/9/2026", "Website Payment", "EUR", "1.005", "0.00", "T1", "", "")], "record_invalid", "more decimals than EUR", id="decimals"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(rows: list[tuple[str, ...]], code: str, detail: str) -> None:
    found = next(one for one in read(export(*rows)) if isinstance(one, Problem))
    assert found.code == code
    assert detail in found.detail


def test_a_row_that_is_missing_breaks_the_balance() -> None:
    rows = export(*(("14/11/2026", "Website Payment", "EUR", "1.00", "0.00", f"T{at}", "", "") for at in range(3)))
    lines = rows.splitlines()
    (found,) = (one for one in read("\n".join([*lines[:2], lines[3]])) if isinstance(one, Problem))
    assert "Balance is 3.00 EUR, but the row before it and Net make 2.00 EUR" in found.detail


@samples
@pytest.mark.parametrize(
    ("name", "rows", "balances"),
    [
        ("files/paypal/activity_en.csv", 76, {"AUD": "0.00", "EUR": "43.34", "USD": "1.90"}),
        ("files/paypal/statement_en.csv", 19, {"EUR": "0.75", "USD": "281.19"}),
    ],
)
def test_collected_exports_come_to_the_balances_they_state(name: str, rows: int, balances: dict[str, str]) -> None:
    records = read((SAMPLES / name).read_text())
    assert [one for one in records if isinstance(one, Problem)] == []
    lines = [one for one in records if isinstance(one, SettlementLine)]
    trailers = [one for one in records if isinstance(one, SettlementTrailer)]
    carried = [one for one in lines if one.type is LineType.BALANCE_CARRIED]
    assert len(lines) - len(carried) + sum(len(one.transfers) for one in trailers) == rows
    left = {one.gross.currency: -one.gross.to_decimal() for one in carried if one.gross.amount < 0}
    assert left == {currency: Decimal(amount) for currency, amount in balances.items() if Decimal(amount)}
    for trailer in trailers:
        assert trailer.net.amount == sum(one.amount.amount for one in trailer.transfers)


@samples
def test_a_collected_export_without_rows_says_so() -> None:
    (found,) = read((SAMPLES / "psp/paypal/empty_activity.csv").read_text())
    assert isinstance(found, Problem)
    assert "no rows" in found.detail


def read(text: str) -> list[Any]:
    return list(PayPalActivity().parse(io.BytesIO(text.encode())))


def export(*rows: tuple[str, ...], **opening: str) -> str:
    """An export whose net amounts and balances follow from its rows."""
    balances = {currency: Decimal(amount) for currency, amount in opening.items()}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for day, kind, currency, gross, fee, name, about, invoice in rows:
        net = Decimal(gross) + Decimal(fee)
        balances[currency] = balances.get(currency, Decimal(0)) + net
        amounts = [currency, gross, fee, net, name, about, invoice, f"{balances[currency]:,}"]
        writer.writerow([day, "10:00:00", "Europe/Amsterdam", kind, *amounts])
    return stream.getvalue()
