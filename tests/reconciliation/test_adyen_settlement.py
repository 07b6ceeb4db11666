"""Adyen's settlement detail report: a batch nets to its payout, and each fee is kept apart."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payments.models import Operation
from reconciliation.formats.adyen_settlement import AdyenSettlement
from reconciliation.formats.base import LineType, Problem, SettlementLine, SettlementTrailer
from reconciliation.formats.workbook import sheet_as_csv
from reconciliation.models import Payout, Settlement
from reconciliation.models import SettlementLine as Stored
from tests.reconciliation.conftest import Shop, codes, violations
from tests.reconciliation.spreadsheets import workbook

GOLDEN = Path(__file__).parent / "golden" / "adyen_settlement.csv"
SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the collected samples are not here")
COLUMNS = [
    "Company Account",
    "Merchant Account",
    "Psp Reference",
    "Merchant Reference",
    "Payment Method",
    "Creation Date",
    "TimeZone",
    "Type",
    "Modification Reference",
    "Gross Currency",
    "Gross Debit (GC)",
    "Gross Credit (GC)",
    "Exchange Rate",
    "Net Currency",
    "Net Debit (NC)",
    "Net Credit (NC)",
    "Commission (NC)",
    "Markup (NC)",
    "Scheme Fees (NC)",
    "Interchange (NC)",
    "Payment Method Variant",
    "Modification Merchant Reference",
    "Batch Number",
    "Authorisation Code",
    "Reserved10",
]


def test_a_batch_is_booked_with_its_fees_and_its_payout(shop: Shop) -> None:
    captured = shop.sells_online(10_000)
    by_operation = shop.sells_online(2500)
    by_order = shop.sells_in_store(4000, order="till-7-1042")
    charge = Operation.objects.get(payment=captured)
    file = shop.sends(
        report(
            row("Settled", net="98.30", psp=captured.provider_reference, fees=("", "0.50", "0.20", "1.00")),
            row("Settled", net="24.65", own=Operation.objects.get(payment=by_operation).id, fees=("0.35",)),
            row("Fee", net="-1.80", text="Transaction Fees November 2026"),
            payout="121.15",
        ),
        "settlement_detail_report_batch_12.csv",
        provider_account=shop.account("simulator"),
    )
    assert (file.status, file.format, file.lines) == ("imported", "adyen_settlement", 3), file.problems
    assert (file.gross, file.fees, file.net) == (10_000 + 2500 - 180, 170 + 35, 12_115)
    assert [shop.balance("receivable", payment.item) for payment in (captured, by_operation)] == [0, 0]
    assert shop.balance("fees") == 170 + 35 + 180
    assert shop.balance("in_transit") == 12_115
    assert shop.balance("receivable", by_order.item) == 4000, "it is of another provider account"
    assert Stored.objects.get(operation_id=charge.id).fee_parts == {"markup": 50, "scheme_fees": 20, "interchange": 100}
    payout = Payout.objects.get()
    assert (payout.reference, payout.amount) == ("TX3488899933XT", 12_115)
    assert shop.disagreements() == []
    assert violations() == []


def test_a_pin_sale_is_known_by_the_tills_reference_where_one_alone_can_be_meant(shop: Shop) -> None:
    sale = shop.sells_in_store(4000, order="till-7-1042")
    twins = [shop.sells_in_store(1500, order="till-7-1043") for _ in range(2)]
    file = shop.sends(
        report(
            row("Settled", net="39.80", psp="PSPPIN0000000001", merchant="till-7-1042", fees=("0.20",)),
            row("Settled", net="14.80", psp="PSPPIN0000000002", merchant="till-7-1043", fees=("0.20",)),
            row("Settled", net="9.00", psp="PSPPIN0000000003", merchant="till-7-1042"),
            payout="63.60",
        )
    )
    assert file.status == "imported", file.problems
    assert file.provider_account == shop.account("external")
    assert shop.balance("receivable", sale.item) == 0
    assert [shop.balance("receivable", twin.item) for twin in twins] == [1500, 1500], (
        "which of the two is nobody's guess"
    )
    assert len(shop.disagreements("unknown_line")) == 2
    assert violations() == []


def test_a_till_reference_never_outweighs_a_code_that_contradicts(shop: Shop) -> None:
    sale = shop.sells_in_store(4000, order="till-7-1042", authorization_code="A1B2C3")
    shop.sends(report(row("Settled", net="40.00", merchant="till-7-1042", code="ZZZZZZ"), payout="40.00"))
    assert shop.balance("receivable", sale.item) == 4000
    assert [row.kind for row in shop.disagreements()] == ["unknown_line"]


def test_a_balance_is_carried_to_the_next_batch_whichever_is_imported_first(shop: Shop) -> None:
    second = report(
        row("Balancetransfer", net="-7.00", own="Balancetransfer from batch 12"), batch="13", payout="-7.00"
    )
    first = report(
        row("Fee", net="-7.00", text="Fees"), row("Balancetransfer", net="7.00", own="Balancetransfer to batch 13")
    )
    account = shop.account("external")
    assert shop.sends(second, provider_account=account).status == "imported"
    assert shop.balance("reserve") == 700
    assert shop.sends(first, provider_account=account).status == "imported"
    assert shop.balance("reserve") == 0
    carried = Stored.objects.filter(type="balance_carried")
    assert len({line.item for line in carried}) == 1
    assert violations() == []


def test_a_report_that_names_nothing_of_ours_asks_for_its_account(shop: Shop) -> None:
    file = shop.sends(report(row("Fee", net="-1.00", text="Fees"), payout="-1.00"))
    assert (file.status, codes(file)) == ("refused", ["account_unknown"]), "any acquirer's account is nobody's guess"


def test_a_report_read_twice_changes_nothing(shop: Shop) -> None:
    once = report(row("Fee", net="-1.00", text="Fees"), payout="-1.00")
    account = shop.account("external")
    shop.sends(once, provider_account=account)
    assert shop.sends(once, provider_account=account).status == "duplicate"
    again = shop.sends(once + "\n", provider_account=account)
    assert (again.status, codes(again)) == ("refused", ["settlement_known"])
    assert shop.balance("fees") == 100


def test_an_excel_report_is_read_like_its_csv(shop: Shop) -> None:
    payment = shop.sells_online(10_000)
    text = report(row("Settled", net="98.30", psp=payment.provider_reference, fees=("1.70",)), payout="98.30")
    file = shop.sends(workbook(text, above=3), "report.xlsx", provider_account=shop.account("simulator"))
    assert (file.status, file.format, file.net) == ("imported", "adyen_settlement", 9830), file.problems
    assert [line.number for line in Stored.objects.all()] == [5], "the row of the sheet"
    assert shop.balance("receivable", payment.item) == 0
    assert violations() == []


@pytest.mark.parametrize(
    ("rows", "payout", "problem"),
    [
        pytest.param([{"net": "10.00"}], "9.99", (3, "sums_differ", "10.00 EUR, but its payout is 9.99 EUR"), id="payout"),
        pytest.param([{"net": "10.00"}], "", (2, "sums_differ", "no payout or balance transfer takes that"), id="no payout"),
        pytest.param([{"net": "10.001"}], "10", (2, "record_invalid", "Net Credit (NC) is '10.001': it has more decimals"), id="decimals"),
        pytest.param([{"net": "10,00"}], "10", (2, "record_invalid", "no amount with a decimal point"), id="comma"),
        pytest.param([{"kind": "Gift", "net": "10"}], "10", (2, "record_invalid", "Type is 'Gift', which is not known"), id="type"),
        pytest.param([{"net": "10", "batch": ""}], "10", (2, "record_invalid", "Batch Number is ''"), id="batch"),
        pytest.param([{"net": "10", "zone": "XYZT"}], "10", (2, "record_invalid", "'XYZT' is no time zone"), id="zone"),
        pytest.param([{"net": "10", "at": "21/11/2026 10:00"}], "10", (2, "record_invalid", "'21/11/2026 10:00' is no date"), id="date"),
        pytest.param([{"net": "10", "at": "0001-01-01 10:00:00"}], "10", (2, "record_invalid", "in the year 1"), id="year"),
        pytest.param([{"net": "10", "currency": "XXX"}], "10", (2, "record_invalid", "'XXX', which is no ISO 4217"), id="currency"),
        pytest.param([{"net": "10", "psp": "x" * 300}], "10", (2, "record_invalid", "Psp Reference has 300 characters"), id="long"),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_named_with_its_row(
    rows: list[dict[str, Any]], payout: str, problem: tuple[int, str, str]
) -> None:
    text = report(*(row(**{"kind": "Settled", **each}) for each in rows), payout=payout)
    found = problems(text)
    assert (found[0].line, found[0].code) == problem[:2]
    assert problem[2] in found[0].detail


def test_every_row_type_of_the_golden_report_has_its_place() -> None:
    with GOLDEN.open("rb") as stream:
        lines = [one for one in AdyenSettlement().parse(stream) if isinstance(one, SettlementLine)]
    assert {line.type for line in lines} == {
        *(LineType.SALE, LineType.REFUND, LineType.REFUND_FAILED, LineType.REVERSAL, LineType.CHARGEBACK),
        *(LineType.CHARGEBACK_REVERSAL, LineType.FEE, LineType.BALANCE_CARRIED),
    }


def test_columns_stand_in_any_order() -> None:
    rows = csv.reader(report(row("Fee", net="-1.00", text="Fees, all"), payout="-1.00").splitlines())
    turned = written([list(reversed(cells)) for cells in rows])
    assert problems(turned) == []


@samples
@pytest.mark.parametrize(
    ("name", "figures"),
    [
        pytest.param("files/adyen/settlement_detail_report_donation.csv", (1, 76, "TX2342222277XT"), id="donation"),
        pytest.param("psp/adyen/settlement_detail_report_batch_238.csv", (3, 0, ""), id="carried over"),
        pytest.param("psp/adyen/adyen_test.xlsx", (20, 23_006_27, "batch 48, YOURCOMPANY_ACCOUNT"), id="Excel"),
    ],
)  # fmt: skip
def test_collected_reports_are_read_with_the_figures_known_of_them(name: str, figures: tuple[int, int, str]) -> None:
    records = list(sample(name))
    (trailer,) = (record for record in records if isinstance(record, SettlementTrailer))
    lines = [record for record in records if isinstance(record, SettlementLine)]
    assert [record for record in records if isinstance(record, Problem)] == []
    assert (len(lines), trailer.net.amount, trailer.payout_reference) == figures
    assert sum(line.net.amount for line in lines) == trailer.net.amount


@samples
@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("chargeback", "make -4.80 USD, but its payout is 4.03 USD"),
        ("refund", "make -2.80 USD, but its payout is 4.03 USD"),
        ("invoice_deduction", "make -0.03 USD, but no payout"),
    ],
)
def test_collected_fragments_are_refused_with_both_figures(name: str, detail: str) -> None:
    (found,) = (one for one in sample(f"files/adyen/settlement_detail_report_{name}.csv") if isinstance(one, Problem))
    assert found.code == "sums_differ"
    assert detail in found.detail


@samples
def test_a_collected_excel_report_is_imported(shop: Shop) -> None:
    content = (SAMPLES / "psp/adyen/adyen_test.xlsx").read_bytes()
    file = shop.sends(content, "adyen_test.xlsx", provider_account=shop.account("external"))
    assert (file.status, file.net) == ("imported", 23_006_27), file.problems
    assert Settlement.objects.get().reference == "YOURCOMPANY_ACCOUNT batch 48"
    assert violations() == []


def sample(name: str) -> Iterator[Any]:
    with (SAMPLES / name).open("rb") as stream:
        if name.endswith("xlsx"):
            with sheet_as_csv(stream) as rows:
                yield from AdyenSettlement().parse(rows)
        else:
            yield from AdyenSettlement().parse(stream)


def problems(text: str) -> list[Problem]:
    return [one for one in AdyenSettlement().parse(io.BytesIO(text.encode())) if isinstance(one, Problem)]


def row(
    kind: str = "Settled",
    *,
    net: str,
    psp: str | None = "",
    merchant: str = "",
    text: str = "",
    own: str = "",
    fees: tuple[str, ...] = (),
    code: str = "",
    batch: str = "12",
    zone: str = "CET",
    at: str = "2026-11-21 10:00:00",
    currency: str = "EUR",
) -> dict[str, str]:
    """One row of a report; of what is paid as `net` and costs `fees`."""
    debit, credit = (net[1:], "") if net.startswith("-") else ("", net)
    parts = dict(zip(("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)"), fees, strict=False))
    return {
        "Company Account": "WinkelBV",
        "Merchant Account": "WinkelNL",
        "Psp Reference": psp or "",
        "Merchant Reference": merchant,
        "Creation Date": at,
        "TimeZone": zone,
        "Type": kind,
        "Modification Reference": text,
        "Net Currency": currency,
        "Net Debit (NC)": debit,
        "Net Credit (NC)": credit,
        "Modification Merchant Reference": own,
        "Batch Number": batch,
        "Authorisation Code": code,
        **parts,
    }


def report(*rows: dict[str, str], payout: str = "", batch: str = "12") -> str:
    """A report of one batch in EUR."""
    paid = payout[1:] if payout.startswith("-") else f"-{payout}"
    last = [row("MerchantPayout", net=paid, text=f"TX3488899933XT batch {batch}, WinkelNL")] if payout else []
    cells = [each | ({"Batch Number": batch} if batch != "12" else {}) for each in (*rows, *last)]
    return written([COLUMNS, *([each.get(column, "") for column in COLUMNS] for each in cells)])


def written(rows: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
