"""Invoices that orders name, paid at packages that get journals: exactly the one, with our amount, once, or a person."""

import pytest
from django.db import transaction
from django.utils import timezone

from payments.core.errors import ValidationFailed
from payments.models import Order, Payment
from payments.services.card_present.types import Kind, Original
from payments.services.confirm import confirm
from payments.services.unit_of_work import UnitOfWork
from reconciliation import registry
from reconciliation.connectors.base import INVOICES
from reconciliation.models import Connector, ConnectorDocument
from reconciliation.services import connector_outbox, connectors
from tests.builders import BY
from tests.connectors.conftest import Accountant, Connects, owner
from tests.connectors.stages import STAGES
from tests.fake_books.faults import Fault
from tests.people.cast import signed_in

PAYING = sorted(code for code, one in registry.connectors().items() if one.capabilities.pays_invoices)
PAYMENTS = {"xero": "PUT /api.xro/2.0/Payments", "eboekhouden": "POST /v1/mutation", "snelstart": "POST /memoriaal"}
every = pytest.mark.parametrize("code", PAYING)


def pays(accountant: Accountant) -> Accountant:
    """The connector is set to mark invoices as paid."""
    settings = accountant.connector.settings | {INVOICES.name: "pay"}
    Connector.objects.filter(id=accountant.connector.id).update(settings=settings)
    accountant.connector.refresh_from_db()
    return accountant


def invoiced(accountant: Accountant, amount: int, invoice: str, **more: object) -> Payment:
    """A sale on an order that pays an invoice of the shop."""
    sale = accountant.sells(amount, **more)  # type: ignore[arg-type]
    Order.objects.filter(id=sale.order_id).update(invoice_reference=invoice)
    return sale


def payment_of(accountant: Accountant, invoice: str) -> ConnectorDocument:
    """What became of an invoice."""
    return accountant.connector.documents.get(kind="payment", invoice=invoice)


def paid(accountant: Accountant) -> list[int]:
    """The amounts of the payments that were really booked there, in minor units."""
    return [effect.total for effect in accountant.package.effects if effect.what == "payment"]


def test_these_packages_take_payments_of_invoices() -> None:
    assert sorted(PAYMENTS) == PAYING


@every
def test_the_open_invoice_that_an_order_names_is_paid_with_what_was_sold(code: str, connects: Connects) -> None:
    accountant = pays(connects(code))
    books = accountant.package
    books.invoiced("2026-0017", "50.00")
    books.invoiced("2026-0018", "99.00")
    books.invoiced("2026-00171", "50.00")  # another, whose number only begins so
    invoiced(accountant, 52_00, "2026-0017", tip=2_00)  # the tip pays no invoice
    invoiced(accountant, 20_00, "2026-0018")
    accountant.sells(50_00)
    assert accountant.hand_over() == 3
    assert [books.unpaid(number) for number in ("2026-0017", "2026-0018", "2026-00171")] == [
        ["0.00"],
        ["79.00"],
        ["50.00"],
    ]
    done = payment_of(accountant, "2026-0017")
    assert (done.status, done.entries, done.key[:8]) == ("sent", 1, f"OI{accountant.day(1):%y%m%d}")
    assert done.remote_id != ""
    assert sorted(paid(accountant)) == [20_00, 50_00]
    assert books.wrong == []
    assert accountant.connector.status == "connected"


@every
def test_where_nobody_said_so_no_invoice_is_touched(code: str, connects: Connects) -> None:
    accountant = connects(code)
    accountant.package.invoiced("A-1", "50.00")
    invoiced(accountant, 50_00, "A-1")
    assert accountant.hand_over() == 1
    assert accountant.package.unpaid("A-1") == ["50.00"]


@every
@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.UNREADABLE_DONE, Fault.ERROR_NOT_DONE])
def test_a_payment_is_looked_up_before_it_is_sent_again(code: str, fault: Fault, connects: Connects) -> None:
    accountant = pays(connects(code))
    accountant.package.invoiced("A-1", "80.00")  # it would take the payment twice
    sale = invoiced(accountant, 40_00, "A-1")
    accountant.fill()
    journals = accountant.connector.documents.filter(kind="journal")
    assert journals.update(status="sent", remote_id="elsewhere", sent_at=timezone.now()) == 1
    accountant.package.faults.plan(PAYMENTS[code], fault)
    assert accountant.send() == 0
    assert payment_of(accountant, "A-1").error_code == "no_answer"
    assert accountant.send() == 1
    assert accountant.package.unpaid("A-1") == ["40.00"]
    assert paid(accountant) == [sale.amount]


@every
def test_of_several_open_invoices_of_a_number_none_is_paid(code: str, connects: Connects) -> None:
    accountant = pays(connects(code))
    accountant.package.invoiced("A-1", "40.00")
    accountant.package.invoiced("A-1", "40.00")
    invoiced(accountant, 40_00, "A-1")
    assert accountant.hand_over() == 1  # the journal
    failed = payment_of(accountant, "A-1")
    assert (failed.status, failed.error_code) == ("failed", "invoice_ambiguous")
    assert accountant.package.unpaid("A-1") == ["40.00", "40.00"]
    connector_outbox.mark_sent(failed, remote_id="by hand", actor="tests")
    accountant.send()
    assert accountant.connector.status == "connected"


@every
def test_what_is_not_open_there_or_less_than_was_paid_is_left_to_a_person(code: str, connects: Connects) -> None:
    accountant = pays(connects(code))
    books = accountant.package
    books.invoiced("A-1", "39.99")
    invoiced(accountant, 40_00, "A-1")
    invoiced(accountant, 40_00, "A-2")
    assert accountant.hand_over() == 1
    assert payment_of(accountant, "A-1").error_code == "invoice_less_open"
    assert payment_of(accountant, "A-1").error_detail == "A-1: 39.99 EUR"
    late = payment_of(accountant, "A-2")
    assert (late.status, late.error_code) == ("failed", "invoice_not_open")
    books.invoiced("A-2", "40.00")
    connector_outbox.send_again(late, actor="tests")
    assert accountant.send() == 1
    assert books.unpaid("A-2") == ["0.00"]
    assert books.wrong == []


@every
def test_each_part_that_is_paid_pays_its_part(code: str, connects: Connects) -> None:
    accountant = pays(connects(code))
    accountant.package.invoiced("A-1", "50.00")
    for amount in (20_00, 30_00):
        invoiced(accountant, amount, "A-1")
    assert accountant.hand_over() == 3
    assert accountant.package.unpaid("A-1") == ["0.00"]
    keys = [document.key for document in accountant.documents() if document.kind == "payment"]
    assert len(set(keys)) == 2 and max(map(len, keys)) <= 25


@every
def test_a_refund_or_a_sale_that_was_taken_back_pays_nothing(code: str, connects: Connects) -> None:
    accountant = pays(connects(code))
    accountant.package.invoiced("A-1", "90.00")
    sale = invoiced(accountant, 50_00, "A-1")
    accountant.gives_back(sale, 20_00)
    gone = invoiced(accountant, 40_00, "A-1")
    about = Original(payment_id=gone.id)
    accountant.shop.at_terminal(Kind.REVERSAL, 40_00, original=about, occurred_at=accountant.noon(1))
    accountant.hand_over()
    assert accountant.package.unpaid("A-1") == ["40.00"], "50.00 was paid; what was given back is another matter there"


def test_an_offline_sale_pays_its_invoice_when_an_acquirer_has_confirmed_it(connects: Connects) -> None:
    accountant = pays(connects("xero"))
    accountant.package.invoiced("A-1", "50.00")
    sale = invoiced(accountant, 50_00, "A-1", offline=True)
    accountant.hand_over()
    assert accountant.package.unpaid("A-1") == ["50.00"]
    with transaction.atomic():
        uow = UnitOfWork(merchant=accountant.shop.merchant, actor="tests", now=timezone.now(), facts=True)
        uow.lock([sale.order_id])
        confirm(uow, payments=[uow.payments[sale.id]], at=accountant.noon(1))
        uow.flush()
    accountant.hand_over()
    assert accountant.package.unpaid("A-1") == ["0.00"]


def test_an_account_from_which_xero_takes_no_payment_is_named(connects: Connects) -> None:
    accountant = pays(connects("xero"))
    accountant.package.invoiced("A-1", "50.00")
    accountant.package.not_payable.add("2010")
    invoiced(accountant, 50_00, "A-1")
    accountant.hand_over()
    failed = payment_of(accountant, "A-1")
    assert (failed.error_code, "2010" in failed.error_detail) == ("refused", True)


def test_of_several_accounts_for_debtors_the_settings_name_one(connects: Connects) -> None:
    accountant = pays(connects("eboekhouden"))
    accountant.package.debtors["1310"] = "501310"
    accountant.package.invoiced("A-1", "50.00")
    invoiced(accountant, 50_00, "A-1")
    accountant.hand_over()
    failed = payment_of(accountant, "A-1")
    assert (failed.error_code, failed.error_detail) == ("debtors_ambiguous", "1300, 1310")
    settings = accountant.connector.settings | {"debtors": "1310"}
    Connector.objects.filter(id=accountant.connector.id).update(settings=settings)
    connector_outbox.send_again(failed, actor="tests")
    assert accountant.send() == 1
    assert accountant.package.mutations[-1]["rows"][0]["ledgerId"] == 501310


def test_another_currency_is_left_to_a_person(connects: Connects) -> None:
    accountant = pays(connects("xero"))
    accountant.package.invoiced("A-1", "50.00", CurrencyCode="USD")
    invoiced(accountant, 50_00, "A-1")
    invoiced(accountant, 20_00, "A-2", currency="USD")
    accountant.hand_over()
    assert payment_of(accountant, "A-1").error_code == "invoice_currency"
    assert payment_of(accountant, "A-2").error_code == "currency_not_booked"


def test_statements_and_payments_would_pay_twice_so_only_one_of_them_is_set(connects: Connects) -> None:
    accountant = connects("snelstart", sends="statements")
    with pytest.raises(ValidationFailed) as refused:
        connectors.change(accountant.connector, changes={"settings": {INVOICES.name: "pay"}}, credentials={}, actor=BY)
    assert [fault.param for fault in refused.value.faults] == ["settings.invoices"]
    assert STAGES["snelstart"].settings == {}


def test_the_page_says_what_became_of_an_invoice(connects: Connects) -> None:
    accountant = pays(connects("xero"))
    accountant.package.invoiced("A-1", "50.00")
    invoiced(accountant, 50_00, "A-1")
    invoiced(accountant, 12_00, "A-2")
    accountant.hand_over()
    client = signed_in(owner(accountant.shop, "ineke"))
    shown = client.get(f"/admin/reconciliation/connector/{accountant.connector.id}/change/").content.decode()
    assert "A-1" in shown and "No open invoice has this number" in shown
    done = payment_of(accountant, "A-1")
    page = client.get(f"/admin/reconciliation/connectordocument/{done.id}/change/").content.decode()
    assert "payment of an invoice" in page and "A-1" in page and "50.00" in page and done.remote_id in page
    found = client.get("/admin/reconciliation/connectordocument/?q=A-2").content.decode()
    assert payment_of(accountant, "A-2").key in found and done.key not in found
