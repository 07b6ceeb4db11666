"""A store's clerk takes back what was bought online, and finance makes a bank transfer: clicked from the first page."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings

from payments.models import Payment, Refund
from payments.people.models import AuditLog, Role
from payments.services.refunds.plan import BankAccount
from payments.services.transfer import end_to_end_id
from tests.browsers import CHROMIUM, a_browser, page_of
from tests.builders import Shop, open_shop
from tests.people.cast import person, signed_in

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here"),
]

OpenAs = Callable[..., Any]


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    return open_shop()


@pytest.fixture
def online(shop: Shop) -> Payment:
    """49.50 paid in the webshop."""
    return shop.pay(4_950, method="voucher", voucher_code=shop.voucher(4_950).code)


@pytest.fixture
def open_as(live_server: Any, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAs]:
    """The first page as somebody sees it who has signed in; nothing was refused by the content security policy."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright's loop runs in this thread
    complaints: list[str] = []
    with a_browser() as browser:

        def open_(role: str, language: str, channel_id: str | None = None) -> Any:
            user = person(role, shop.merchant.id, role=Role.Name(role), channel_id=channel_id)
            user.language = language
            user.save()
            session = signed_in(user).cookies[settings.SESSION_COOKIE_NAME].value
            page = page_of(browser, complaints, base_url=live_server.url, viewport={"width": 1400, "height": 900})
            page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
            page.goto("/admin/")
            page.wait_for_selector("#live")
            return page

        yield open_
    assert complaints == []


WORDS = {
    "en": ("Orders", "Refund", "Preview", "Refund €20.00", "20.00", "€20.00"),
    "nl": (
        "Bestellingen",
        "Terugbetalen",
        "Voorbeeld bekijken",
        "€\N{NO-BREAK SPACE}20,00 terugbetalen",
        "20,00",
        "€\N{NO-BREAK SPACE}20,00",
    ),
}


@pytest.mark.parametrize("language", ["en", "nl"])
def test_a_clerk_takes_back_an_online_order(language: str, open_as: OpenAs, shop: Shop, online: Payment) -> None:
    orders, refund, show, do, amount, written = WORDS[language]
    page = open_as("clerk", language, shop.store.id)
    page.click(f"#nav-sidebar >> text={orders}")
    page.fill("#searchbar", online.order.reference)
    page.press("#searchbar", "Enter")
    page.wait_for_url("**q=**")
    page.click("#result_list .field-name a")
    page.click(f"a.ot-button >> text={refund}")
    assert page.locator("[name=channel]").input_value() == shop.store.id
    page.fill("[name=amount]", amount)
    page.fill("[name=reason]", "Te klein.")
    page.click(f"text={show}")
    assert written in page.inner_text("#plan")
    page.click(f"text={do}")
    page.wait_for_selector("#refunds")
    made = Refund.objects.get()
    assert (made.channel_id, made.order_id, made.amount) == (shop.store.id, online.order_id, 2_000)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_finance_copies_what_the_bank_is_to_be_told(language: str, open_as: OpenAs, shop: Shop) -> None:
    account = BankAccount(iban="NL91ABNA0417164300", name="A. de Vries")
    refund = shop.refund(shop.pin(5_000).order, 2_550, bank_account=account)
    page = open_as("finance", language)
    page.click("#live a[href$='/payments/banktransfer/']")
    page.wait_for_selector("#result_list .ot-copy")
    amount = "25.50" if language == "en" else "25,50"
    text = page.locator("#result_list .ot-copy").all_inner_texts()
    assert text[:3] == ["NL91 ABNA 0417 1643 00", "A. de Vries", amount]
    assert text[4] == end_to_end_id(refund.parts.get())
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#result_list .ot-copy >> nth=0")
    page.wait_for_selector(".ot-copy[data-copied]")
    assert page.evaluate("navigator.clipboard.readText()") == "NL91 ABNA 0417 1643 00"
    assert page.evaluate("getSelection().toString().trim()") == "NL91 ABNA 0417 1643 00"
    page.click("#result_list .field-release a")
    page.wait_for_selector("[name=part]")
    assert AuditLog.objects.filter(action="bank_account.seen").exists()
