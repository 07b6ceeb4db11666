"""Vouchers are given, printed or sent, and owed; an exchange moves the difference alone: by clicking, in both languages."""

import re

import pytest

from payments.ledger import audit as ledger_audit
from payments.mail.models import Mail
from payments.models import Order, Refund, Voucher
from payments.people.models import AuditLog
from tests.admin.conftest import SignIn
from tests.builders import Shop

pytestmark = pytest.mark.django_db


def test_a_voucher_is_printed_and_its_code_kept_nowhere(shop: Shop, sign_in: SignIn) -> None:
    manager = sign_in("store_manager")
    manager.prove()
    page = f"payments/channel/{shop.store.id}/issue-voucher/"
    assert "../issue-voucher/" in manager.get(f"payments/channel/{shop.store.id}/change/")
    once = re.findall(r'name="once" value="([0-9a-f]{32})"', manager.get(page))[0]
    form_fields = {"amount": "25,00", "reason": "Late delivery", "last_day": "2030-12-31", "once": once}
    file = manager.client.post(f"/admin/{page}", form_fields)
    assert file["Content-Type"] == "application/pdf"
    assert file.content.startswith(b"%PDF")
    row = Voucher.objects.get()
    assert (row.amount, row.channel_id, row.status_at(row.created_at)) == (2_500, shop.store.id, "active")
    assert AuditLog.objects.get(action="voucher.issued").after == {
        "amount": 2_500,
        "currency": "EUR",
        "reason": "Late delivery",
    }
    manager.client.post(f"/admin/{page}", form_fields)
    assert Voucher.objects.count() == 1, "a double click gives one"
    assert list(ledger_audit.violations()) == []


def test_a_voucher_is_sent_and_the_stored_letter_shows_its_end_alone(shop: Shop, sign_in: SignIn) -> None:
    manager = sign_in("finance", language="nl")
    manager.prove()
    page = f"payments/channel/{shop.store.id}/issue-voucher/"
    answer = manager.post(page, amount="10,00", reason="Sorry", to="anna@example.com", once="0" * 32)
    code = re.findall(r"[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{6}", answer)[0]
    letter = Mail.objects.get()
    assert letter.to == "anna@example.com"
    assert code in (letter.sealed or "")
    assert code not in letter.text
    assert shop.pay(1_000, method="voucher", voucher_code=code).status == "captured", "at the webshop's door"


def test_more_than_one_person_decides_is_refused_and_clerks_give_none(shop: Shop, sign_in: SignIn) -> None:
    manager = sign_in("store_manager")
    manager.prove()
    page = f"payments/channel/{shop.store.id}/issue-voucher/"
    refused = manager.post(page, status=422, amount="100,01", reason="Sorry", once="0" * 32)
    assert "more than one person gives away alone" in refused
    clerk = sign_in("clerk")
    clerk.prove()
    clerk.get(page, status=403)
    assert Voucher.objects.count() == 0


def test_what_is_owed_on_vouchers_is_what_the_books_owe(shop: Shop, sign_in: SignIn) -> None:
    shop.pay(1_500, method="voucher", voucher_code=shop.voucher(4_000).code)
    shop.voucher(1_000)
    page = sign_in("finance", language="nl").get("vouchers-outstanding/")
    assert "tot drie maanden oud" in page
    assert page.count("35,00") >= 3, "by age, in all, and by the books"
    sign_in("clerk").get("vouchers-outstanding/", status=403)


@pytest.mark.parametrize(
    ("total", "sentence"),
    [("20,00", "Geen betaalverkeer"), ("35,00", "15,00 worden betaald"), ("12,50", "7,50 gaat terug naar de klant")],
)
def test_an_exchange_says_first_what_moves(total: str, sentence: str, shop: Shop, sign_in: SignIn) -> None:
    order = shop.pay_cash(2_000).order
    clerk = sign_in("clerk", channel_id=shop.store.id, language="nl")
    address = f"payments/order/{order.id}/exchange/"
    assert "../exchange/" in clerk.get(f"payments/order/{order.id}/change/")
    form_fields = {
        "returned": "20,00",
        "total": total,
        "channel": shop.store.id,
        "reference": "R-2",
        "reason": "Te klein",
        "route": "auto",
        "once": "0" * 32,
    }
    shown = clerk.post(address, **form_fields)  # type: ignore[arg-type]
    assert sentence in shown.replace("\N{NO-BREAK SPACE}", " ")
    assert Refund.objects.count() == 0
    confirmed = shown.partition('name="confirmed" value="')[2].partition('"')[0]
    clerk.post(address, **form_fields, confirmed=confirmed)  # type: ignore[arg-type]
    new = Order.objects.get(reference="R-2")
    assert new.captured == min(2_000, int(total.replace(",", "")))
    assert list(ledger_audit.violations()) == []
