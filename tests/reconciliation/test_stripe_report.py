"""Stripe's payout reconciliation report agrees with what is read through the API: a payout is one by either way."""

import io
from pathlib import Path
from typing import Any

import pytest

from reconciliation.formats.base import Problem, Record, SettlementLine, SettlementTrailer
from reconciliation.formats.stripe_payout import StripePayout
from reconciliation.formats.stripe_report import StripeReport
from reconciliation.models import Payout, Settlement
from tests.reconciliation.conftest import Shop, codes, violations

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "files" / "stripe"
samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the collected samples are not here")
HEADER = (
    "balance_transaction_id,created_utc,automatic_payout_id,automatic_payout_effective_at_utc,currency,gross,fee,net,"
    "reporting_category,source_id,payment_intent_id,payment_metadata[onetill_operation]"
)


def test_it_says_of_a_payout_what_the_api_says() -> None:
    by_file = [
        one for one in read((GOLDEN / "stripe_report.csv").read_text()) if getattr(one, "settlement", 0) in (0, None)
    ]
    by_api = list(StripePayout().parse(io.BytesIO((GOLDEN / "stripe_payout.jsonl").read_bytes())))
    assert [movement(one) for one in by_file if isinstance(one, SettlementLine)] == [
        movement(one) for one in by_api if isinstance(one, SettlementLine)
    ]
    assert [(one.net, one.payout_reference, one.payout_on) for one in by_file if isinstance(one, SettlementTrailer)][
        :1
    ] == [(one.net, one.payout_reference, one.payout_on) for one in by_api if isinstance(one, SettlementTrailer)]


def test_a_payout_is_booked_with_its_fees(shop: Shop) -> None:
    sale = shop.sells_online(5000)
    file = shop.sends(
        report(
            row("charge", "50.00", "0.85", intent=sale.provider_reference), row("fee", "-3.50"), row("payout", "-45.65")
        ),
        "payouts.csv",
        provider_account=shop.account("simulator"),
    )
    assert (file.status, file.format, file.lines) == ("imported", "stripe_report", 2), file.problems
    assert shop.balance("receivable", sale.item) == 0
    assert shop.balance("fees") == 85 + 350
    assert (Payout.objects.get().reference, Payout.objects.get().amount) == ("po_1", 4565)
    assert violations() == []


def test_a_payout_that_the_api_brought_is_not_booked_again(shop: Shop) -> None:
    account = shop.account("simulator")
    shop.sends((GOLDEN / "stripe_payout.jsonl").read_bytes(), provider_account=account)
    before = shop.balance("fees")
    again = shop.sends((GOLDEN / "stripe_report.csv").read_bytes(), provider_account=account)
    assert (again.status, codes(again)) == ("refused", ["settlement_known"])
    assert (Settlement.objects.count(), shop.balance("fees")) == (1, before)


@pytest.mark.parametrize(
    ("rows", "code", "detail"),
    [
        pytest.param(["charge,50.00,0.85,49.15,po_1", "payout,49.00,0,49.00,po_1"], "sums_differ", "make 49.15 EUR, but the payout is 49.00 EUR", id="payout"),
        pytest.param(["charge,50.00,0.85,49.10,po_1"], "record_invalid", "net is 49.10 EUR, but gross − fee is 49.15 EUR", id="net"),
        pytest.param(["charge,50.00,0.85,49.15,"], "record_invalid", "txn_0 is in no automatic payout", id="manual"),
        pytest.param(['charge,"50,00",0.85,49.15,po_1'], "record_invalid", "gross is '50,00': it is no amount with a decimal point", id="comma"),
        pytest.param(["charge,50.005,0.00,50.005,po_1"], "record_invalid", "gross is '50.005': it has more decimals", id="decimals"),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_named(rows: list[str], code: str, detail: str) -> None:
    header = "reporting_category,gross,fee,net,automatic_payout_id,balance_transaction_id,created,currency,source_id"
    text = "\n".join([header, *(f"{each},txn_{at},2026-11-24 10:00:00,eur,ch_1" for at, each in enumerate(rows))])
    found = next(one for one in read(text) if isinstance(one, Problem))
    assert found.code == code
    assert detail in found.detail


@samples
def test_a_collected_report_adds_up_but_for_what_is_in_no_payout() -> None:
    records = read((SAMPLES / "settlement_report.csv").read_text())
    (trailer,) = (one for one in records if isinstance(one, SettlementTrailer))
    (found,) = (one for one in records if isinstance(one, Problem))
    assert trailer.net.amount == 2305, "as its payout says"
    assert (found.line, found.code) == (7, "record_invalid")


@samples
def test_an_export_of_the_dashboard_is_another_file() -> None:
    assert not StripeReport().identify((SAMPLES / "stripe-all.csv").read_bytes()[:4096], "stripe-all.csv")


def movement(line: SettlementLine) -> tuple[Any, ...]:
    """What a movement is known by and comes to; the report tells fees with their VAT, the API apart."""
    return (line.type, line.reference, line.payment_reference, line.gross, line.fee + line.vat, line.occurred_at)


def read(text: str) -> list[Record]:
    return list(StripeReport().parse(io.BytesIO(text.encode())))


def row(category: str, gross: str, fee: str = "0", *, intent: str | None = "") -> str:
    net = f"{float(gross) - float(fee):.2f}"
    return f"txn_{category},2026-11-24 10:00:00,po_1,2026-11-25 10:00:00,eur,{gross},{fee},{net},{category},src_{category},{intent},"


def report(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"
