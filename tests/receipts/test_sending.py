"""Receipts go by e-mail: by themselves where the merchant wants it, and whenever somebody asks."""

import logging
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from payments import mail
from payments.models import Payment, ReceiptDue, WorkFailure
from payments.notify.models import Mail
from payments.people.models import AuditLog, Customer
from payments.people.services import api_keys, customers
from payments.receipts.contents import of_payment
from payments.runtime.sweeps import ATTEMPTS
from payments.services import send_receipt
from payments.services.refunds.plan import BankAccount
from payments.services.send_receipt import write_due
from tests.admin.conftest import Browser
from tests.admin.conftest import sign_in as sign_in
from tests.api.client import Api, faults, refusal
from tests.builders import BY, Shop, open_shop

pytestmark = pytest.mark.django_db
ANNA = {"reference": "C1", "email": "anna@example.com", "name": "Anna"}


@pytest.fixture
def shop() -> Shop:
    return open_shop()


@pytest.fixture
def willing(shop: Shop) -> Shop:
    """A shop that mails receipts by itself."""
    shop.merchant.mail_receipts = True
    shop.merchant.save()
    return shop


@pytest.fixture
def till(shop: Shop) -> Api:
    """The store's key, tied to its channel."""
    key = api_keys.create(
        merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], channel_id=shop.store.id, actor=BY
    )
    return Api(key.text)


def letters() -> list[tuple[str, str]]:
    """What was written by now: to whom, about what."""
    write_due()
    assert not ReceiptDue.objects.exists()
    return list(Mail.objects.order_by("id").values_list("to", "object_id"))


def test_a_receipt_is_asked_for_and_sent_once(shop: Shop, till: Api, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    payment = shop.pay_cash(1_252, received=2_000)
    path = f"/v1/payments/{payment.id}/send_receipt"
    requested = till.post(path, {"to": "anna@example.com"}, idempotency_key="k1")
    assert (requested.status_code, requested.json()["id"]) == (202, payment.id)
    assert till.post(path, {"to": "anna@example.com"}, idempotency_key="k1").content == requested.content
    assert letters() == [("anna@example.com", payment.id)]
    assert letters() == [("anna@example.com", payment.id)]
    mail.send_due()
    (letter,) = outbox.outbox
    assert letter.subject == f"Bon {payment.receipt_number} van Bloem"
    assert "€\N{NO-BREAK SPACE}12,52" in letter.body
    assert isinstance(letter, EmailMultiAlternatives)
    ((html, _),) = letter.alternatives
    assert isinstance(html, str)
    assert payment.receipt_number is not None
    assert payment.receipt_number in html
    ((name, content, kind),) = letter.attachments
    assert (name, content[:5], kind) == (f"{payment.receipt_number}.pdf", b"%PDF-", "application/pdf")
    assert AuditLog.objects.filter(action="payment.receipt_sent", object_id=payment.id).count() == 1


def test_in_english_if_so_asked(shop: Shop, till: Api) -> None:
    payment = shop.pay_cash(1_000)
    till.post(f"/v1/payments/{payment.id}/send_receipt", {"to": "anna@example.com", "language": "en"})
    letters()
    assert Mail.objects.get().subject == f"Receipt {payment.receipt_number} from Bloem"


def test_a_refunds_receipt(shop: Shop, till: Api) -> None:
    refund = shop.refund(shop.pay_cash(1_000), 400, channel=shop.store)
    requested = till.post(f"/v1/refunds/{refund.id}/send_receipt", {"to": "anna@example.com"})
    assert (requested.status_code, requested.json()["id"]) == (202, refund.id)
    assert letters() == [("anna@example.com", refund.id)]
    letter = Mail.objects.get()
    assert letter.subject.startswith("Retourbon ")
    assert "€\N{NO-BREAK SPACE}4,00" in letter.text


def test_what_is_refused_sends_nothing(shop: Shop, till: Api) -> None:
    paid, nameless = shop.pay_cash(1_000, buyer=ANNA), shop.pay_cash(1_000)
    reversed_, waiting = shop.pay_cash(500), shop.pay_cash(90_000)
    Payment.objects.filter(id=reversed_.id).update(amount_captured=0, status="reversed")
    account = BankAccount(iban="NL91ABNA0417164300", name="A. Jansen")
    held = shop.refund(waiting, 80_000, channel=shop.store, route="bank", bank_account=account)

    def ask(payment: Payment, **body: str) -> Any:
        return till.post(f"/v1/payments/{payment.id}/send_receipt", body)

    assert refusal(ask(nameless), 422, "email_unknown")["param"] == "to"
    refusal(ask(reversed_, to="a@b.nl"), 409, "receipt_not_available")
    refusal(till.post(f"/v1/refunds/{held.id}/send_receipt", {"to": "a@b.nl"}), 409, "receipt_not_available")
    assert "to" in faults(ask(paid, to="nobody"))
    assert "card_number_refused" in ask(paid, to="4111111111111111@example.com").content.decode()
    assert faults(ask(paid, color="red")) == {"color": "unknown_field"}
    refusal(till.post("/v1/payments/pay_unknown/send_receipt", {"to": "a@b.nl"}), 404, "not_found")
    assert letters() == []


def test_another_merchants_payment_is_not_found(shop: Shop, till: Api) -> None:
    theirs = open_shop("Vreemd").pay_cash(1_000)
    refusal(till.post(f"/v1/payments/{theirs.id}/send_receipt", {"to": "a@b.nl"}), 404, "not_found")


def test_any_counter_sends_what_another_sold(shop: Shop, till: Api) -> None:
    sold_online = shop.pay_cash(1_000, buyer=ANNA)
    Payment.objects.filter(id=sold_online.id).update(channel=shop.webshop)
    assert till.post(f"/v1/payments/{sold_online.id}/send_receipt").status_code == 202
    assert letters() == [("anna@example.com", sold_online.id)]


def test_by_itself_where_the_merchant_wants_it(willing: Shop) -> None:
    payment = willing.pay_cash(1_000, buyer=ANNA)
    assert letters() == [("anna@example.com", payment.id)]
    refund = willing.refund(payment, 400, channel=willing.store)
    assert letters()[1:] == [("anna@example.com", refund.id)]


def test_a_terminals_sale_goes_to_the_customer_of_its_order(willing: Shop) -> None:
    first = willing.pay_cash(1_000, order_total=3_000, buyer=ANNA)
    pinned = willing.pin(2_000, order=first.order)
    assert letters() == [("anna@example.com", first.id), ("anna@example.com", pinned.id)]


def test_nobody_is_written_to_unasked(shop: Shop) -> None:
    shop.pay_cash(1_000, buyer=ANNA)
    assert not ReceiptDue.objects.exists()


def test_nor_who_has_no_address_or_was_forgotten_meanwhile(willing: Shop) -> None:
    willing.pay_cash(1_000)
    willing.pay_cash(1_000, buyer={"reference": "C2", "name": "Bea"})
    willing.pay_cash(1_000, buyer=ANNA)
    customer = Customer.objects.get(reference="C1")
    customers.forget(customer_id=customer.id, merchant_id=willing.merchant.id, actor=BY)
    assert ReceiptDue.objects.count() == 2
    assert letters() == []


def test_what_cannot_be_written_waits_and_stops_nothing(
    willing: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = willing.pay_cash(1_000, buyer=ANNA), willing.pay_cash(2_000, buyer=ANNA)

    def breaks(row: Payment) -> Any:
        if row.id == first.id:
            raise ValueError("nobody can write this")
        return of_payment(row)

    monkeypatch.setattr(send_receipt, "of_payment", breaks)
    with caplog.at_level(logging.DEBUG):
        assert write_due() == 1
    assert "anna@example.com" not in caplog.text
    assert Mail.objects.get().object_id == second.id
    assert write_due() == 0  # its lease is not over
    for _ in range(ATTEMPTS):
        ReceiptDue.objects.update(due_at=timezone.now())
        WorkFailure.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        write_due()
    failed = WorkFailure.objects.get()
    assert (failed.subject, failed.attempts, failed.due_at) == (first.id, ATTEMPTS, None)
    ReceiptDue.objects.update(created_at=timezone.now() - send_receipt.KEPT)
    assert write_due() == 0
    assert not ReceiptDue.objects.exists()
    assert not WorkFailure.objects.exists()


def test_who_is_forgotten_is_forgotten_in_the_post_too(willing: Shop) -> None:
    willing.pay_cash(1_000, buyer=ANNA)
    willing.pay_cash(1_000, buyer={"email": "bea@example.com"})
    assert len(letters()) == 2
    customers.forget(customer_id=Customer.objects.get(reference="C1").id, merchant_id=willing.merchant.id, actor=BY)
    assert [to for to, _ in letters()] == ["bea@example.com"]


def test_the_number_on_it_finds_the_order_at_any_counter(shop: Shop, till: Api, sign_in: Any) -> None:
    pinned = shop.pin(2_000)
    refund = shop.refund(shop.pay_cash(1_000), 400, channel=shop.store)
    till.post(f"/v1/refunds/{refund.id}/send_receipt", {"to": "anna@example.com"})
    letters()
    number = Mail.objects.get().attachment_name.removesuffix(".pdf")
    for receipt, order_id in ((pinned.receipt_number, pinned.order_id), (number, refund.order_id)):
        (found,) = till.get("/v1/orders", receipt=receipt).json()["data"]
        assert found["id"] == order_id
    listed = sign_in("clerk").get("payments/order/", q=number)
    assert refund.order_id in listed
    assert pinned.order_id not in listed
    stranger = open_shop("Vreemd")
    key = api_keys.create(merchant_id=stranger.merchant.id, test_mode=True, scopes=["all"], channel_id=None, actor=BY)
    for receipt in (pinned.receipt_number, number):
        assert Api(key.text).get("/v1/orders", receipt=receipt).json()["data"] == []
    assert till.get("/v1/orders", receipt="000101" + number[6:]).json()["data"] == []


def test_staff_send_and_show_it(shop: Shop, sign_in: Any) -> None:
    clerk: Browser = sign_in("clerk")
    payment = shop.pay_cash(1_000, buyer=ANNA)
    refund = shop.refund(payment, 400, channel=shop.store)
    for path in (f"payments/payment/{payment.id}", f"payments/refund/{refund.id}"):
        assert 'value="anna@example.com"' in clerk.get(f"{path}/receipt/")
        assert "Sent to bea@example.com" in clerk.post(f"{path}/receipt/", to="bea@example.com", language="")
        shown = clerk.client.get(f"/admin/{path}/receipt.pdf")
        assert (shown["Content-Type"], shown.content[:5]) == ("application/pdf", b"%PDF-")
        assert f"/admin/{path}/receipt.pdf" in clerk.get(f"{path}/change/")
    assert letters() == [("bea@example.com", payment.id), ("bea@example.com", refund.id)]
    assert "bea@example.com" in clerk.get(f"payments/payment/{payment.id}/change/")
    sign_in("auditor").get(f"payments/payment/{payment.id}/receipt/", status=403)
    theirs = open_shop("Vreemd").pay_cash(1_000)
    assert sign_in("owner").client.get(f"/admin/payments/payment/{theirs.id}/receipt.pdf").status_code == 404
