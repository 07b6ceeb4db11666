"""A person at a browser: signs in, filters, drills down, refunds, in Dutch and on a telephone."""

from collections.abc import Iterator
from typing import Any

import pytest

from payments.models import Refund
from payments.people.models import SecondFactor, User
from tests.browsers import CHROMIUM, a_browser, page_of
from tests.builders import Shop, open_shop
from tests.people.cast import code

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

PASSWORD = "correct horse battery"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here"),
]


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    return open_shop()


@pytest.fixture
def page(live_server: Any, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A browser that has signed in, and that was refused nothing by the content security policy."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright's loop runs in this thread
    anna = User.objects.create_superuser("anna", password=PASSWORD, first_name="Anna")
    SecondFactor.objects.create(user=anna, name="app")
    complaints: list[str] = []
    with a_browser() as browser:
        page = page_of(browser, complaints, base_url=live_server.url, viewport={"width": 1400, "height": 900})
        page.goto("/admin/")
        page.fill("[name=username]", "anna")
        page.fill("[name=password]", PASSWORD)
        page.click("#login-form button[type=submit]")
        page.fill("[name=code]", code(anna))
        page.click("#code-form button[type=submit]")
        page.wait_for_selector("#live")
        yield page
    assert complaints == []


def test_from_the_list_to_a_refund(page: Any, shop: Shop) -> None:
    shop.pin(2_500)
    cash = shop.pay_cash(1_250)
    page.click("#nav-sidebar >> text=Payments >> nth=1")
    page.wait_for_selector("#result_list .field-time")
    assert page.locator("#result_list td.field-time, #result_list th.field-time").count() == 2

    page.fill("#searchbar", cash.order.reference)
    page.press("#searchbar", "Enter")
    page.wait_for_url("**q=**")
    assert page.locator(".ot-totals dd").all_inner_texts() == ["1", "€12.50", "€0.00", "€0.00", "€12.50"]

    page.click("#result_list .field-time a")
    page.wait_for_selector("#journal")
    assert "Till Bloem Utrecht" in page.inner_text("#journal")

    page.click("a.ot-button >> text=Refund")
    page.fill("[name=amount]", "2.50")
    page.fill("[name=reason]", "Broken stem.")
    page.click("button:has-text('Preview')")
    assert "€2.50" in page.inner_text("#plan")
    assert not Refund.objects.exists()
    page.click("button:has-text('Refund €2.50')")
    page.wait_for_selector("text=The refund of €2.50 has been made")
    assert Refund.objects.get().status == "succeeded"
    assert "€2.50" in page.inner_text("#refunds")


def test_search_from_any_page_by_the_keyboard(page: Any, shop: Shop) -> None:
    """Where is this € 84,50? A key, the amount, and Enter."""
    wanted = shop.pay_cash(8_450)
    shop.pay_cash(8_451)
    page.click("#nav-sidebar >> text=Refunds")
    page.wait_for_selector("h1")
    page.keyboard.press("/")
    page.keyboard.type("84,50")
    page.wait_for_selector("dialog [data-hit]")
    assert page.locator("dialog [data-hit]").count() == 1
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/payment/{wanted.id}/change/")

    page.keyboard.press("Control+k")  # what was opened lately is a key away
    page.wait_for_selector("dialog [data-hit]")
    assert "€84.50" in page.inner_text("dialog [data-hit]")
    page.keyboard.type("nowhere")
    page.wait_for_selector("dialog [role=status]")
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_filters_narrow_the_list_and_its_totals(page: Any, shop: Shop) -> None:
    shop.pin(2_500)
    shop.pay_cash(1_250)
    page.goto("/admin/payments/payment/")
    chip = page.locator(".ot-chip", has=page.locator("[name=amount_from]"))
    chip.locator("summary").click()
    chip.locator("[name=amount_from]").fill("20")
    chip.locator("button").click()
    page.wait_for_url("**amount_from=20**")
    assert page.locator(".ot-totals dd").first.inner_text() == "1"
    assert page.locator("#result_list .field-time").count() == 1


def test_the_first_page_shows_new_payments_by_itself(page: Any, shop: Shop) -> None:
    assert "No payment yet." in page.inner_text("#live")
    shop.pay_cash(1_250)
    page.wait_for_selector("#latest >> text=€12.50")


def test_dutch_by_the_switch_and_readable_on_a_telephone(page: Any, shop: Shop) -> None:
    payment = shop.pin(2_500)
    page.click("#nav-sidebar >> text=Anna")
    page.click("#nav-sidebar >> text=Nederlands")
    page.wait_for_selector("text=Vraagt aandacht")
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("", "payments/payment/", f"payments/payment/{payment.id}/change/", "sales/"):
        page.goto(f"/admin/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    assert "€\N{NO-BREAK SPACE}25,00" in page.goto(f"/admin/payments/payment/{payment.id}/change/").text()
