"""Mollie's settlement report: what the rows make is paid out, and fractions of a cent are a line of their own."""

import io
from decimal import Decimal
from typing import Any

import pytest

from reconciliation.formats.base import LineType, Problem, SettlementLine, SettlementTrailer
from reconciliation.formats.mollie_settlement import MollieSettlement
from reconciliation.models import Payout
from reconciliation.models import SettlementLine as Stored
from tests.reconciliation.conftest import Shop, codes, violations

HEADER = (
    "Date,Payment method,Currency,Amount,Status,ID,Description,Consumer name,Consumer bank account,Consumer BIC,"
    "Settlement currency,Settlement amount,Settlement reference,Amount refunded"
)


def test_a_settlement_is_booked_with_its_costs_and_its_rounding(shop: Shop) -> None:
    sales = [shop.sells_in_store(amount, order=order) for amount, order in ((6000, "1001"), (2610, "1002"))]
    file = shop.sends(
        report(
            row("60.00", "tr_1", text="1001", method="ideal"),
            row("26.10", "tr_2", text="1002"),
            row("-2.5450", "", text="Withheld transaction fees MOL-2026-0001"),
            row("-0.6050", "", text="Withheld transaction fees MOL-2026-0002"),
        ),
        "settlement.csv",
    )
    assert (file.status, file.format, file.lines) == ("imported", "mollie_settlement", 5), file.problems
    assert file.net == 8295, "86.10 less 2.5450 and 0.6050 is 82.9500"
    assert [shop.balance("receivable", sale.item) for sale in sales] == [0, 0]
    assert shop.balance("fees") == 255 + 61
    assert shop.balance("rounding") == -1
    assert Stored.objects.get(type="rounding").gross == 1
    assert (Payout.objects.get().reference, Payout.objects.get().amount) == ("1234567.2611.03", 8295)
    assert shop.balance("in_transit") == 8295
    assert violations() == []


def test_a_settlement_read_twice_changes_nothing(shop: Shop) -> None:
    once = report(row("-1.00", "", text="Withheld transaction fees"))
    account = shop.account("simulator")
    shop.sends(once, provider_account=account)
    again = shop.sends(once + "\n", provider_account=account)
    assert (again.status, codes(again)) == ("refused", ["settlement_known"])
    assert shop.balance("fees") == 100


@pytest.mark.parametrize(
    ("costs", "rounding"),
    [
        (("-2.5410", "-0.6050"), 0),  # −3.146 is −3.15; the costs are −2.54 and −0.61
        (("-0.3550", "-0.3550"), 1),
        (("-0.0040", "-0.0040"), -1),
        (("-0.2500",), 0),
    ],
)
def test_lines_and_rounding_make_the_exact_sum_to_the_cent(costs: tuple[str, ...], rounding: int) -> None:
    records = read(report(row("86.10", "tr_1"), *(row(cost, "", text="Withheld fees") for cost in costs)))
    lines = [record for record in records if isinstance(record, SettlementLine)]
    (trailer,) = (record for record in records if isinstance(record, SettlementTrailer))
    assert sum(line.gross.amount for line in lines if line.type is LineType.ROUNDING) == rounding
    assert sum(line.net.amount for line in lines) == trailer.net.amount
    assert abs(trailer.net.to_decimal() - sum(map(Decimal, costs), Decimal("86.10"))) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("cells", "detail"),
    [
        pytest.param({"amount": "10.0050", "name": "tr_1"}, "'10.0050': it has more decimals than EUR", id="decimals"),
        pytest.param({"amount": "1.0", "name": "ord_1"}, "ID is 'ord_1', which is no payment", id="id"),
        pytest.param({"amount": '"1,0"', "name": "tr_1"}, "no amount with a decimal point", id="comma"),
        pytest.param({"amount": "one", "name": ""}, "Settlement amount is 'one'", id="no amount"),
        pytest.param({"amount": "1.0", "name": "tr_1", "settlement": ""}, "Settlement reference is empty", id="open"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_row_and_column(cells: dict[str, Any], detail: str) -> None:
    (found,) = (one for one in read(report(row(**cells))) if isinstance(one, Problem) and one.code == "record_invalid")
    assert found.line == 2
    assert detail in found.detail


def read(text: str) -> list[Any]:
    return list(MollieSettlement().parse(io.BytesIO(text.encode())))


def row(
    amount: str, name: str | None, *, method: str = "creditcard", text: str = "", settlement: str = "1234567.2611.03"
) -> str:
    return f"2026-11-02 10:12:00,{method},EUR,{amount},paidout,{name},{text},,,,EUR,{amount},{settlement},"


def report(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"
