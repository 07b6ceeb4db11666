"""A customer at a browser pays by clicking, in both languages, with scripts and without; and everybody can read it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Payment, PaymentLink
from payments.notify.models import Mail
from payments.services.send_receipt import send_receipt, write_due
from tests.api.client import Api
from tests.browsers import CHROMIUM, a_browser, page_of
from tests.builders import BY, Shop
from tests.checkout.conftest import look_again
from tests.simulator import RunningSimulator, eventually

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here"),
]
Make = Callable[..., dict[str, Any]]
PHONE = {"viewport": {"width": 390, "height": 844}}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}


@pytest.fixture
def browser(
    live_server: Any, simulator: RunningSimulator, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A browser before the running server, to which the provider's pages lead back."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright's loop runs in this thread
    settings.PUBLIC_URL = live_server.url
    with a_browser() as running:
        yield running


def pays_by_clicking(page: Any, url: str, *, choose: str, approve: str) -> None:
    """Choose a method, pay on the provider's page, come back."""
    page.goto(url)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.click(f"main button >> text={choose}")
    page.click(f"button >> text={approve}")
    page.wait_for_url("**/pay/**")

    def captured() -> bool:
        look_again()
        return Payment.objects.latest("id").status == "captured"

    eventually(captured)
    page.wait_for_selector(".good")  # the page has seen it by itself


@pytest.mark.parametrize(
    ("locale", "look", "choose", "approve", "paid"),
    [
        ("nl-NL", PHONE, "iDEAL", "Betalen", "Betaald. Dank u wel."),
        ("en-GB", DESKTOP, "Bancontact", "Pay", "Paid. Thank you."),
        ("nl-NL", PHONE | {"java_script_enabled": False}, "iDEAL", "Betalen", "Betaald. Dank u wel."),
    ],
    ids=["Dutch on a telephone", "English on a desk", "without scripts"],
)
def test_paid_by_clicking(
    browser: Any, make_link: Make, locale: str, look: dict[str, Any], choose: str, approve: str, paid: str
) -> None:
    complaints: list[str] = []
    page = page_of(browser, complaints, locale=locale, **look)
    if not look.get("java_script_enabled", True):
        page.evaluate = lambda script: True
    pays_by_clicking(page, make_link()["url"], choose=choose, approve=approve)
    assert paid in page.inner_text("main")
    assert Payment.objects.get().receipt_number in page.inner_text("main")
    assert complaints == []


class Readable:
    """Holds each page against axe-core; whose colors are its own, in the dark too."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.found: list[tuple[Any, ...]] = []

    def look(self, name: str, *, dark: bool = False) -> None:
        for scheme in ("dark", "light") if dark else ("light",):
            self.page.emulate_media(color_scheme=scheme)
            violations = axe.Axe().run(self.page).response["violations"]
            self.found += [
                (name, scheme, each["id"], [node["target"] for node in each["nodes"]]) for each in violations
            ]


def test_every_state_can_be_read_by_everybody(browser: Any, web: Api, make_link: Make) -> None:
    page = page_of(browser, [], locale="en-GB", **PHONE)
    readable = Readable(page)
    link = make_link(order_reference="1001")
    page.goto(link["url"])
    readable.look("open")
    page.click("summary")
    readable.look("voucher open")
    page.fill("#voucher_code", "WRONG")
    page.click("details button")
    page.wait_for_selector("[role=alert]")
    readable.look("error", dark=True)
    page.goto(link["url"] + "/qr")
    readable.look("sign")

    page.goto(link["url"])
    page.click("button[value=ideal]")
    page.click("button[value=later]")
    page.wait_for_selector("[data-state=waiting]")
    readable.look("waiting", dark=True)
    page.click("text=Choose another way to pay")
    page.wait_for_selector("[data-state=open]")
    readable.look("begun")

    Payment.objects.update(status="declined", failure_code="declined")
    page.reload()
    page.wait_for_selector("[data-state=again]")
    readable.look("again", dark=True)
    Payment.objects.update(status="captured", amount_captured=4_950, receipt_number="261127-1")
    page.reload()
    page.wait_for_selector("[data-state=paid]")
    readable.look("paid", dark=True)

    canceled, expired = make_link(), make_link()
    web.post(f"/v1/payment_links/{canceled['id']}/cancel")
    PaymentLink.objects.filter(id=expired["id"]).update(expires_at=timezone.now() - timedelta(minutes=1))
    bounded = make_link(amount=None, amount_min=500, amount_max=5_000, reusable=True)
    for name, other in (("canceled", canceled), ("expired", expired), ("open amount", bounded)):
        page.goto(other["url"])
        readable.look(name)
    page.goto(link["url"][:-3] + "xxx")
    readable.look("unknown")
    assert readable.found == []


def test_letters_can_be_read_by_everybody(browser: Any, web: Api, shop: Shop, make_link: Make) -> None:
    page = page_of(browser, [], **PHONE)
    link, payment = make_link(), shop.pin(1_250)
    web.post(f"/v1/payment_links/{link['id']}/send", {"via": "email", "to": "anna@example.com"})
    send_receipt(payment, to="anna@example.com", actor=BY)
    write_due()
    readable = Readable(page)
    for letter in Mail.objects.order_by("id"):
        page.set_content(letter.html)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        readable.look(letter.subject)
    assert readable.found == []
