"""What the simulator says it owes is what its effect log says it did, in files that our importers read whole."""

import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from lxml import etree

from payments.core.money import Money
from payments.providers.base import Verb
from payments.providers.simulator.magic import Ending, magic
from reconciliation.formats.base import (
    LineType,
    Problem,
    SettlementHeader,
    SettlementLine,
    SettlementTrailer,
    StatementHeader,
    StatementLine,
    StatementTrailer,
)
from reconciliation.formats.camt053 import Camt053
from reconciliation.formats.simulator_csv import SimulatorCsv
from tests.contracts.conftest import Account
from tests.contracts.stages import STAGES, call
from tests.simulator import eventually

SHARED: Final = Path(__file__).resolve().parents[3] / "shared"
XSD: Final = SHARED / "samples/schemas/camt.053.001.02.xsd"
IBAN: Final = "NL02ABNA0123456789"


def lines_of(settlement: dict[str, Any]) -> list[SettlementLine]:
    """The lines of its CSV, which must be without fault and name the settlement and its payout."""
    head, *lines, trailer = SimulatorCsv().parse(io.BytesIO(settlement["csv"].encode()))
    assert isinstance(head, SettlementHeader)
    assert isinstance(trailer, SettlementTrailer)
    assert head.reference == settlement["reference"]
    assert (trailer.net.amount, trailer.payout_reference) == (settlement["net"], settlement["payout"]["reference"])
    assert str(trailer.payout_on) == settlement["payout"]["date"]
    assert len(lines) == settlement["lines"]
    return [line for line in lines if isinstance(line, SettlementLine)]


def test_every_movement_stands_in_exactly_one_settlement_with_fees_and_vat(account: Account) -> None:
    request = call(STAGES["simulator"], amount=100_00)
    sale = account.provider.execute(request, account.credentials)
    account.ask(Verb.REFUND, 30_00, payment_reference=sale.payment_reference)
    held = account.ask(Verb.AUTHORIZE, 50_00).payment_reference
    account.ask(Verb.CAPTURE, 20_00, payment_reference=held)
    rates = [{"method": "ideal", "fixed": 29}, {"method": "card", "fixed": 10, "basis_points": 140}]
    settled = account.simulator.post("/settlements", account=account.id, fee_rates=rates)
    lines = lines_of(settled)
    assert [(line.type, line.gross.amount, line.fee.amount, line.vat.amount) for line in lines] == [
        (LineType.SALE, 100_00, 1_50, 32),
        (LineType.REFUND, -30_00, 0, 0),
        (LineType.SALE, 20_00, 38, 8),
    ]
    assert (lines[0].operation_id, lines[0].payment_reference) == (request.operation_id, sale.payment_reference)
    assert lines[0].reference == sale.reference
    assert settled["payout"]["amount"] == settled["net"] == 90_00 - 1_88 - 40
    again = account.simulator.http.post("/settlements", json={"account": account.id})
    assert again.json()["code"] == "nothing_to_settle"
    account.paid(5_00)
    assert [line.gross.amount for line in lines_of(account.simulator.post("/settlements", account=account.id))] == [500]


def test_what_comes_back_is_settled_with_its_sign(account: Account) -> None:
    for ending in (Ending.REVERSED, Ending.CHARGEBACK_WON):
        account.ask(Verb.SALE, magic(12_00, ending))
    payment = account.paid(50_00)
    account.ask(Verb.REFUND, magic(12_00, Ending.FAILS_LATE), payment_reference=payment)
    eventually(lambda: len(account.effects()) == 8)
    lines = lines_of(account.simulator.post("/settlements", account=account.id))
    assert sorted((line.type.value, line.gross.amount) for line in lines) == [
        ("chargeback", -12_34),
        ("chargeback_reversal", 12_34),
        ("refund", -12_31),
        ("refund_failed", 12_31),
        ("reversal", -12_30),
        ("sale", 12_30),
        ("sale", 12_34),
        ("sale", 50_00),
    ]


def test_a_pin_acquirer_settles_what_its_terminals_did(account: Account) -> None:
    reported = {"account": account.id, "currency": "EUR", "tid": "T1", "stan": "000123", "authorization_code": "A1B2C3"}
    sale = reported | {"type": "sale", "amount": 25_00, "rrn": "412345678901", "brand": "maestro"}
    refund = reported | {"type": "refund", "amount": 5_00, "rrn": "412345678902", "occurred_at": "2026-11-22T10:00:00Z"}
    for body in ([sale, refund], sale):  # the second time says nothing new
        assert account.simulator.http.post("/acquirer/transactions", json=body).status_code == 201
    lines = lines_of(account.simulator.post("/settlements", account=account.id))
    assert [(line.type, line.gross.amount, line.rrn) for line in lines] == [
        (LineType.SALE, 25_00, "412345678901"),
        (LineType.REFUND, -5_00, "412345678902"),
    ]
    assert (lines[0].tid, lines[0].stan, lines[0].authorization_code) == ("T1", "000123", "A1B2C3")
    assert lines[1].occurred_at == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_one_currency_a_settlement(account: Account) -> None:
    account.paid(10_00)
    account.ask(Verb.SALE, 1_200, currency="JPY")
    refusal = account.simulator.http.post("/settlements", json={"account": account.id})
    assert (refusal.status_code, refusal.json()["code"]) == (422, "currency_required")
    yen = account.simulator.post("/settlements", account=account.id, currency="JPY")
    assert [line.gross for line in lines_of(yen)] == [Money(1_200, "JPY")]
    assert ",1200," in yen["csv"]
    assert len(lines_of(account.simulator.post("/settlements", account=account.id))) == 1


def test_only_what_happened_before_a_moment_and_lines_about_nothing_else(account: Account) -> None:
    account.paid(10_00)
    early = account.simulator.http.post("/settlements", json={"account": account.id, "until": "2026-01-01T00:00:00Z"})
    assert early.status_code == 409
    extra = [{"type": "fee", "amount": 5_00}, {"type": "reserve_hold", "amount": 1_00}]
    settled = account.simulator.post("/settlements", account=account.id, extra=extra, payout_date="2026-12-01")
    assert [(line.type.value, line.gross.amount, line.fee.amount) for line in lines_of(settled)] == [
        ("sale", 10_00, 24),
        ("fee", 0, 5_00),
        ("reserve_hold", -1_00, 0),
    ]
    assert settled["payout"]["date"] == "2026-12-01"
    assert settled["gross"] == 9_00


def test_a_settlement_can_be_fetched_again(account: Account) -> None:
    account.paid(10_00)
    settled = account.simulator.post("/settlements", account=account.id)
    response = account.simulator.http.get(f"/settlements/{settled['reference']}.csv")
    assert response.text == settled["csv"]
    assert response.headers["content-type"].startswith("text/csv")
    listed = account.simulator.http.get("/settlements", params={"account": account.id}).json()["data"]
    assert listed == [{name: value for name, value in settled.items() if name != "csv"}]


def test_payouts_arrive_on_bank_statements_that_follow_one_another(account: Account) -> None:
    payouts = []
    for amount in (10_00, 20_00):
        account.paid(amount)
        payouts.append(account.simulator.post("/settlements", account=account.id)["payout"])
    rent = {"amount": -150_00, "name": "Pand B.V.", "remittance": "Huur november", "iban": "NL91ABNA0417164300"}
    first = _statement(account, opening=1_000_00, payouts=[payouts[0]["reference"]], lines=[rent])
    second = _statement(account, opening=5, payouts=[payouts[1]["reference"]])
    assert first[0].opening == Money(1_000_00, "EUR")
    assert first[-1].closing == second[0].opening == Money(850_00 + payouts[0]["amount"], "EUR")
    assert (first[0].account, int(second[0].sequence)) == (IBAN, int(first[0].sequence) + 1)
    paid, spent = first[1:-1]
    assert (paid.amount.amount, paid.end_to_end_id) == (payouts[0]["amount"], payouts[0]["reference"])
    assert payouts[0]["reference"] in paid.remittance
    assert (spent.amount.amount, spent.counterparty_iban) == (-150_00, rent["iban"])
    assert spent.booked_on == date(2026, 11, 23)


@pytest.mark.skipif(not XSD.exists(), reason="the schemas are not part of the project")
def test_a_statement_is_valid_by_its_schema(account: Account) -> None:
    body = {"iban": "NL91ABNA0417164300", "date": "2026-11-23", "lines": [{"amount": -5, "name": "A & B"}]}
    response = account.simulator.http.post("/statements", json=body)
    etree.XMLSchema(etree.parse(XSD)).assertValid(etree.fromstring(response.content))


def _statement(account: Account, **body: Any) -> list[Any]:
    response = account.simulator.http.post("/statements", json={"iban": IBAN, "date": "2026-11-23"} | body)
    assert response.status_code == 201
    records = list(Camt053().parse(io.BytesIO(response.content)))
    assert not [record for record in records if isinstance(record, Problem)]
    assert isinstance(records[0], StatementHeader)
    assert isinstance(records[-1], StatementTrailer)
    assert all(isinstance(record, StatementLine) for record in records[1:-1])
    return records


def test_the_first_rate_that_fits_says_what_a_line_costs(account: Account) -> None:
    rates = [
        {"brand": "maestro", "fixed": 6},
        {"type": "chargeback", "fixed": 15_00},
        {"method": "card", "basis_points": 100},
    ]
    reported = {"account": account.id, "type": "sale", "amount": 10_00, "currency": "EUR"}
    account.simulator.post("/acquirer/transactions", **reported, rrn="1", brand="maestro")
    account.simulator.post("/acquirer/transactions", **reported, rrn="2", brand="unheard of")
    payment = account.paid(30_00)
    account.simulator.post("/dashboard/chargebacks", payment_reference=payment)
    account.simulator.post("/dashboard/refunds", payment_reference=account.paid(40_00))
    settled = account.simulator.post("/settlements", account=account.id, fee_rates=rates, vat_basis_points=0)
    fees = [(line.type.value, line.fee.amount) for line in lines_of(settled)]
    assert fees[:2] == [("sale", 6), ("sale", 10)]
    assert ("chargeback", 15_00) in fees
    assert ("refund", 0) in fees
