"""Statements of what providers owe, one after the other: uploaded, never twice, and balances that follow."""

import os
import signal

import pytest
from lxml import etree

from payments.models import Order, Payment
from reconciliation.models import ConnectorDocument
from reconciliation.services import connector_outbox
from tests.connectors.conftest import Accountant, Connects
from tests.connectors.test_crashes import PATIENCE, lease_ends
from tests.connectors.workers import worker
from tests.fake_books.faults import Fault

CAMT = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"}
UPLOADS = {"snelstart": "POST /bankafschriftbestanden", "moneybird": "POST /123456789/financial_statements"}


def balances(file: str) -> list[tuple[str, str]]:
    """The opening and closing balance of a statement, with their sides."""
    found = etree.fromstring(file.encode()).iterfind(".//c:Bal", CAMT)
    return [(one.findtext("c:Amt", "", CAMT), one.findtext("c:CdtDbtInd", "", CAMT)) for one in found]


def amounts(file: str) -> list[str]:
    """The amounts of its entries."""
    return [one.text or "" for one in etree.fromstring(file.encode()).iterfind(".//c:Ntry/c:Amt", CAMT)]


def numbered(accountant: Accountant) -> None:
    """Moneybird knows the account by the number that its statements carry."""
    from reconciliation.services.account_mapping import mapped_accounts

    for code, mapped in mapped_accounts(accountant.shop.merchant).items():
        if code.startswith("receivable:"):
            accountant.package.accounts[mapped.number] = "700001"


def test_each_statement_goes_on_where_the_one_before_it_ended(connects: Connects) -> None:
    accountant = connects("snelstart", sends="statements")
    sale = accountant.sells(50_00, days_ago=2)
    accountant.gives_back(sale, 20_00, days_ago=2)
    assert accountant.hand_over() == 1
    accountant.sells(12_50, days_ago=2)  # told late: it stands on the next statement, with its own date
    accountant.sells(7_50, days_ago=1)
    assert accountant.hand_over() == 1
    first, second = accountant.package.files
    assert (balances(first), amounts(first)) == ([("0.00", "CRDT"), ("30.00", "CRDT")], ["50.00", "20.00"])
    assert (balances(second), amounts(second)) == ([("30.00", "CRDT"), ("50.00", "CRDT")], ["12.50", "7.50"])
    assert {document.kind for document in accountant.documents()} == {"statement"}
    assert accountant.package.bookings == [], "no journal beside it: it would book the same once more"
    assert accountant.package.wrong == []


def test_a_statement_waits_for_the_one_before_it(connects: Connects) -> None:
    accountant = connects("snelstart", sends="statements")
    accountant.sells(50_00, days_ago=1)
    accountant.fill()
    accountant.sells(20_00, days_ago=1)
    accountant.fill()
    accountant.package.faults.plan(UPLOADS["snelstart"], Fault.ERROR_NOT_DONE)
    assert accountant.send() == 0
    first, second = accountant.documents()
    assert (first.attempts, second.attempts) == (1, 0)


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_NOT_DONE])
def test_an_upload_without_an_answer_is_left_to_a_person(fault: Fault, connects: Connects) -> None:
    accountant = connects("snelstart", sends="statements")
    accountant.sells(50_00)
    accountant.fill()
    accountant.package.faults.plan(UPLOADS["snelstart"], fault)
    assert accountant.send() == 0
    assert accountant.send() == 0
    failed = accountant.document
    assert (failed.status, failed.error_code) == ("failed", "outcome_unclear")
    connector_outbox.send_now(accountant.connector, actor="tests")
    assert accountant.send() == 0
    if fault is Fault.DROPPED_DONE:
        connector_outbox.mark_sent(failed, remote_id=f"{failed.key}.xml", actor="tests")
    else:
        connector_outbox.send_again(failed, actor="tests")
        assert accountant.send() == 1
    assert accountant.document.status == "sent"
    assert len(accountant.package.effects) == 1


def test_a_worker_killed_while_it_uploaded_leaves_it_to_a_person(connects: Connects) -> None:
    accountant = connects("snelstart", sends="statements")
    accountant.sells(50_00)
    accountant.fill()
    accountant.package.faults.plan(UPLOADS["snelstart"], Fault.HANGS_DONE)
    with worker(accountant.connector.id) as process:
        assert accountant.package.faults.hanging.wait(PATIENCE)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    accountant.package.faults.released.set()
    lease_ends(accountant)
    assert accountant.send() == 0
    assert accountant.document.error_code == "outcome_unclear"
    assert len(accountant.package.effects) == 1


def test_moneybird_is_asked_whether_it_has_a_statement(connects: Connects) -> None:
    accountant = connects("moneybird", sends="statements")
    accountant.sells(50_00)
    accountant.sells(20_00)
    numbered(accountant)
    accountant.fill()
    accountant.package.faults.plan(UPLOADS["moneybird"], Fault.DROPPED_DONE)
    assert accountant.send() == 0
    assert accountant.send() == 1
    (statement,) = accountant.package.statements
    assert accountant.document.remote_id == statement["id"]
    assert len(accountant.package.effects) == 1
    (row,) = ConnectorDocument.objects.all()
    assert statement["reference"] == row.key
    assert accountant.package.wrong == []


def test_a_file_that_is_refused_names_why(connects: Connects, monkeypatch: pytest.MonkeyPatch) -> None:
    accountant = connects("snelstart", sends="statements")
    accountant.sells(50_00)
    monkeypatch.setattr("reconciliation.services.connector_papers._CAMT.write", lambda out, books, entries: None)
    assert accountant.hand_over() == 0
    failed = accountant.document
    assert (failed.status, failed.error_code) == ("failed", "refused")
    assert failed.error_detail == "Dit bestand is geen bankafschrift."


def invoiced(accountant: Accountant, amount: int, invoice: str) -> Payment:
    """A sale on an order that pays an invoice of the shop."""
    sale = accountant.sells(amount)
    Order.objects.filter(id=sale.order_id).update(invoice_reference=invoice)
    return sale


LINKS = "PATCH /123456789/financial_mutations"


def test_moneybird_marks_the_open_invoice_that_an_order_names_as_paid(connects: Connects) -> None:
    accountant = connects("moneybird", sends="statements")
    books = accountant.package
    books.invoiced("2026-0017", "50.00")
    books.invoiced("2026-0018", "99.00")  # more than was paid: a part of it stays open
    books.invoiced("2026-0019", "10.00")  # less: whose the rest is, a person says
    books.invoiced("2026-0020", "12.00", state="paid")
    invoiced(accountant, 50_00, "2026-0017")
    invoiced(accountant, 20_00, "2026-0018")
    invoiced(accountant, 30_00, "2026-0019")
    invoiced(accountant, 12_00, "2026-0020")
    invoiced(accountant, 7_00, "nobody's")
    accountant.sells(50_00)
    numbered(accountant)
    assert accountant.hand_over() == 1
    assert {number: (one["state"], one["total_unpaid"]) for number, one in books.invoices.items()} == {
        "2026-0017": ("paid", "0.00"),
        "2026-0018": ("open", "79.00"),
        "2026-0019": ("open", "10.00"),
        "2026-0020": ("paid", "12.00"),
    }
    (statement,) = books.statements
    states = {row["message"]: row["state"] for row in statement["financial_mutations"]}
    assert sorted(states.values()) == ["processed"] * 2 + ["unprocessed"] * 4
    assert any("2026-0017" in message for message in states)
    assert books.wrong == []


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_NOT_DONE, Fault.RATE_LIMITED])
def test_an_invoice_is_linked_once_whatever_becomes_of_the_answer(fault: Fault, connects: Connects) -> None:
    accountant = connects("moneybird", sends="statements")
    books = accountant.package
    for number in ("A-1", "A-2"):
        books.invoiced(number, "50.00")
        invoiced(accountant, 50_00, number)
    numbered(accountant)
    accountant.fill()
    books.faults.plan(LINKS, fault)
    assert accountant.send() == 0
    assert accountant.send() == 1
    assert [one["state"] for one in books.invoices.values()] == ["paid", "paid"]
    assert [effect.what for effect in books.effects] == ["statement", "link", "link"]
    assert books.wrong == []


def test_a_refund_pays_no_invoice(connects: Connects) -> None:
    accountant = connects("moneybird", sends="statements")
    accountant.package.invoiced("A-1", "20.00")
    sale = accountant.sells(50_00)
    accountant.gives_back(sale, 20_00)
    Order.objects.filter(id=sale.order_id).update(invoice_reference="A-1")
    numbered(accountant)
    assert accountant.hand_over() == 1
    assert accountant.package.invoices["A-1"]["state"] == "open", "less is open than was paid, and no refund pays it"


def test_the_file_for_snelstart_names_the_invoice_twice(connects: Connects) -> None:
    accountant = connects("snelstart", sends="statements")
    invoiced(accountant, 50_00, "F-2026-17")
    assert accountant.hand_over() == 1
    (file,) = accountant.package.files
    assert "<RfrdDocInf><Tp><CdOrPrtry><Cd>CINV</Cd></CdOrPrtry></Tp><Nb>F-2026-17</Nb></RfrdDocInf>" in file
    assert "factuur F-2026-17" in file
