"""A cashier at a tablet and at a phone, in both languages: everything by clicking, and everybody can read it.

With `SCREENSHOTS=folder` each page is kept as a picture, to be looked at.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from payments.models import Payment, Refund
from payments.people.models import Role, User
from terminals.services.actions import refunds
from terminals.services.counter.members import NewMember, add_member
from terminals.services.counter.pair import offer
from tests.browsers import CHROMIUM, a_browser, page_of
from tests.builders import BY, Shop, fresh, work
from tests.checkout.conftest import look_again
from tests.counter.cast import CODE
from tests.counter.test_terminals import device as device
from tests.counter.test_terminals import no_answer, presented, retourpin
from tests.people.cast import person
from tests.simulator import RunningSimulator, eventually
from tests.terminals.device import Device, sale
from tests.terminals.test_long_poll import stream as stream

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here"),
]
PICTURES = os.environ.get("SCREENSHOTS")
TABLET = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
DEVICES = [
    ("tablet", TABLET, "nl-NL"),
    ("phone", PHONE, "en-GB"),
    ("phone", PHONE, "nl-NL"),
    ("tablet", TABLET, "en-GB"),
]
WORDS = {
    "nl-NL": {
        "find": "Zoeken",
        "refund": "Terugbetalen",
        "see": "Bekijk hoe het teruggaat",
        "goes": r"€\s49,90 gaat terug naar de rekening waarmee via iDEAL is betaald, uiterlijk (morgen|\w+dag)\.",
        "do": "terugbetalen",
        "done": "Gelukt: de klant heeft het",
    },
    "en-GB": {
        "find": "Find",
        "refund": "Give back",
        "see": "See how it goes back",
        "goes": r"€49\.90 goes back to the iDEAL account it came from, by (tomorrow|\w+day)\.",
        "do": "Give back",
        "done": "Done: the customer has it",
    },
}


class Screen:
    """A device in a cashier's hands: each page is held against axe, and must fit its width."""

    def __init__(self, page: Any, name: str) -> None:
        self.page, self.name = page, name
        self.found: list[tuple[Any, ...]] = []

    def look(self, what: str, *, dark: bool = False) -> None:
        for scheme in ("dark", "light") if dark else ("light",):
            self.page.emulate_media(color_scheme=scheme)
            for each in axe.Axe().run(self.page).response["violations"]:
                self.found.append((self.name, what, scheme, each["id"], [node["target"] for node in each["nodes"]]))
            if PICTURES:
                Path(PICTURES).mkdir(exist_ok=True, parents=True)
                self.page.screenshot(path=f"{PICTURES}/{self.name}-{what}-{scheme}.png", full_page=True)
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), what


Open = Callable[[str, dict[str, Any], str], Screen]


@pytest.fixture
def opens(
    live_server: Any, simulator: RunningSimulator, settings: Any, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    """A device that is paired by what the admin shows, and nothing was refused by the content security policy."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright's loop runs in this thread
    settings.PUBLIC_URL = live_server.url
    complaints: list[str] = []
    screens: list[Screen] = []
    with a_browser() as browser:

        def open_(name: str, look: dict[str, Any], locale: str) -> Screen:
            page = page_of(browser, complaints, base_url=live_server.url, locale=locale, **look)
            screen = Screen(page, f"{name}-{locale[:2]}")
            screens.append(screen)
            code = offer(channel=shop.store, label=name, actor=BY).pairing_code
            page.goto(f"/counter/pair#{code}")
            screen.look("pair")
            assert page.input_value("#code") == code
            page.click("button.main")
            page.wait_for_url("**/counter/sign-in")
            return screen

        yield open_
    assert complaints == []
    assert [each for screen in screens for each in screen.found] == []


def signs_in(screen: Screen) -> None:
    """By touching one's name and typing one's code."""
    page = screen.page
    screen.look("sign-in", dark=True)
    page.click(".tiles label >> text=Anna")
    page.fill("#code", CODE)
    page.click("button.main")
    page.wait_for_url("**/counter/")


def bought_online(shop: Shop, simulator: RunningSimulator) -> Payment:
    """49.90 by iDEAL in the webshop."""
    paid = shop.pay(4_990, method="ideal", return_url="https://shop.example/back")
    simulator.customer(paid.redirect_url, "approve")
    look_again()
    return paid


@pytest.mark.parametrize(("name", "look", "locale"), DEVICES)
def test_an_online_order_goes_back_on_its_online_method_by_clicking(
    name: str,
    look: dict[str, Any],
    locale: str,
    opens: Open,
    shop: Shop,
    anna: User,
    simulator: RunningSimulator,
) -> None:
    says = WORDS[locale]
    paid = bought_online(shop, simulator)
    screen = opens(name, look, locale)
    page = screen.page
    signs_in(screen)
    screen.look("find")
    page.fill("#q", paid.order.reference)
    page.click(f"form.find >> text={says['find']}")
    page.wait_for_url("**/counter/orders/*")
    screen.look("order", dark=True)
    page.click(f".actions >> text={says['refund']}")
    page.fill("#reason", "Te klein")
    screen.look("refund")
    page.click(f"text={says['see']}")
    page.wait_for_selector("#plan")
    assert re.search(says["goes"], page.inner_text("#plan"))
    screen.look("plan", dark=True)
    page.click(f"button.main >> text={says['do']}")
    page.wait_for_url("**/counter/refunds/*")
    screen.look("under-way")

    def done() -> bool:
        work()
        look_again()
        return says["done"] in page.inner_text("main")

    eventually(done)  # the page has seen it by itself
    screen.look("done", dark=True)
    made = Refund.objects.get()
    assert (made.parts.get().route, fresh(paid).amount_refunded, made.channel) == ("original", 4_990, shop.store)


def test_what_else_a_cashier_sees(opens: Open, shop: Shop, anna: User, simulator: RunningSimulator) -> None:
    for _ in range(2):
        shop.pin(1_250)
    doubtful = shop.pay_cash(2_000, order_total=4_000)
    Payment.objects.filter(id=doubtful.id).update(status="unknown", amount_captured=0)
    paid = shop.pin(2_500)
    screen = opens("tablet", TABLET, "nl-NL")
    page = screen.page
    signs_in(screen)
    page.goto("/counter/?q=4242")
    screen.look("found", dark=True)
    page.goto("/counter/?q=nothing")
    screen.look("nothing-found")
    page.goto(f"/counter/orders/{doubtful.order_id}")
    screen.look("in-doubt", dark=True)
    page.goto(f"/counter/orders/{paid.order_id}/refund")
    page.fill("#reason", "Bon kwijt")
    page.click("main form button.main")
    page.wait_for_selector("[role=alert]")
    screen.look("another-way", dark=True)
    page.goto(f"/counter/receipts/{paid.id}")
    screen.look("receipt")
    page.goto("/counter/link")
    page.fill("#amount", "24,95")
    page.fill("#description", "Fietsbel")
    page.click("main form button.main")
    page.wait_for_selector("img.qr")
    screen.look("link", dark=True)
    page.goto("/counter/orders/ord_nothing")
    screen.look("missing")


SAYS = {
    "nl-NL": {
        "on": "De klant betaalt nu op Till 1.",
        "paid": "Betaald.",
        "unknown": "Reken niet opnieuw met de pas af.",
        "card": "De klant houdt de pas nu bij Till 1.",
        "back": "Teruggestort op de pas.",
        "ask": "Vraag het de terminal nu",
    },
    "en-GB": {
        "on": "The customer pays on Till 1 now.",
        "paid": "Paid.",
        "unknown": "Do not charge the card again.",
        "card": "The customer holds the card to Till 1 now.",
        "back": "Given back on the card.",
        "ask": "Ask the terminal now",
    },
}


@pytest.mark.parametrize(("name", "look", "locale"), DEVICES[:2])
def test_a_driven_sale_an_unknown_outcome_and_a_retourpin_by_clicking(
    name: str,
    look: dict[str, Any],
    locale: str,
    opens: Open,
    stream: str,
    settings: Any,
    shop: Shop,
    anna: User,
    device: Device,
) -> None:
    settings.STREAM_URL = stream
    says = SAYS[locale]
    screen = opens(name, look, locale)
    page = screen.page

    def shows(words: str) -> None:
        """The page has it without being touched: the stream told it."""
        page.wait_for_function("words => document.querySelector('main').innerText.includes(words)", arg=words)

    signs_in(screen)
    page.click(".actions a.button >> nth=0")
    page.fill("#amount", "12,50" if locale == "nl-NL" else "12.50")
    screen.look("charge")
    page.click("main form button.main")
    page.wait_for_url("**/counter/actions/*")
    screen.look("asked")
    given = presented(device)
    shows(says["on"])
    screen.look("presented")
    no_answer()
    shows(says["unknown"])
    screen.look("unknown", dark=True)
    page.click(f"text={says['ask']}")
    question = device.poll()
    assert question is not None
    device.result(question["id"], sale(1))
    shows(says["paid"])
    screen.look("paid", dark=True)
    page.click("p.crumb a")
    page.click(".actions a.main")
    page.fill("#reason", "Te klein")
    page.click("main form > button.main")
    page.click("button[name=confirmed]")
    page.wait_for_url("**/counter/refunds/*")
    refunds.offer_refunds()
    eventually(lambda: page.locator(".parts a").count() == 1)
    page.click(".parts a")
    back = presented(device)
    shows(says["card"])
    screen.look("retourpin")
    assert back["payment"] == given["payment"]
    device.result(back["id"], retourpin(back))
    shows(says["back"])
    screen.look("given-back", dark=True)
    assert Refund.objects.get().status == "succeeded"


# A camera of a browser that reads codes: what it sees is said by the test.
CAMERA = """
window.seen = null;
window.BarcodeDetector = class { async detect() { return window.seen ? [{ rawValue: window.seen }] : []; } };
navigator.mediaDevices.getUserMedia = async () => {
  if (window.covered) throw new DOMException("", "NotAllowedError");
  const canvas = document.createElement("canvas");
  canvas.getContext("2d").fillRect(0, 0, 10, 10);
  window.stream = canvas.captureStream();
  return window.stream;
};
"""


def test_a_receipt_is_scanned_where_the_browser_reads_codes(
    opens: Open, shop: Shop, anna: User, simulator: RunningSimulator
) -> None:
    paid = fresh(bought_online(shop, simulator))
    screen = opens("tablet", TABLET, "nl-NL")
    page = screen.page
    page.add_init_script(CAMERA)
    signs_in(screen)
    page.click("[data-scan]")
    page.wait_for_selector("[data-camera]:not([hidden])")
    screen.look("scanning", dark=True)
    page.click("[data-stop]")
    assert page.locator("[data-camera]").is_hidden()
    assert page.evaluate("window.stream.getTracks().every((track) => track.readyState === 'ended')")
    page.click("[data-scan]")
    page.evaluate("code => { window.seen = code; }", paid.receipt_number)
    page.wait_for_url("**/counter/orders/*")
    assert paid.order_id in page.url

    page.goto("/counter/")
    page.evaluate("window.covered = true")
    page.click("[data-scan]")  # the camera is refused: one types
    page.wait_for_function("document.activeElement.id === 'q'")


def test_without_a_reader_of_codes_a_receipt_is_typed(
    opens: Open, shop: Shop, anna: User, simulator: RunningSimulator
) -> None:
    paid = fresh(bought_online(shop, simulator))
    screen = opens("phone", PHONE, "en-GB")
    page = screen.page
    page.add_init_script("delete window.BarcodeDetector")
    signs_in(screen)
    assert page.locator("[data-scan]").is_hidden()
    page.fill("#q", str(paid.receipt_number))
    page.press("#q", "Enter")
    page.wait_for_url("**/counter/orders/*")


@pytest.mark.parametrize(("name", "look", "locale"), DEVICES[:2])
def test_who_has_no_account_starts_chooses_a_code_and_comes_back_by_a_passkey(
    name: str, look: dict[str, Any], locale: str, opens: Open, shop: Shop, live_server: Any, settings: Any
) -> None:
    settings.PUBLIC_URL, settings.CSRF_TRUSTED_ORIGINS = live_server.url, [live_server.url]
    manager = person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id)
    made = add_member(NewMember(name="Fleur de Wit", role=Role.Name.CLERK), channel=shop.store, actor=manager)
    screen = opens(name, look, locale)
    page = screen.page
    key = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True}
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {**key, "isUserVerified": True, "automaticPresenceSimulation": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.fill("#code", made.starter_code)
    page.click("button.main")
    page.wait_for_selector("#again")
    screen.look("first-code", dark=True)
    page.fill("#code", CODE)
    page.fill("#again", CODE)
    page.click("button.main")
    page.wait_for_url("**/counter/")
    page.click("a.who")
    page.wait_for_selector("form[data-passkey]:not([hidden])")
    screen.look("add-passkey", dark=True)
    page.fill("#name", "Sleutelbos")
    page.fill("#code", CODE)
    page.click("form[data-passkey] button")
    page.wait_for_selector(".named >> text=Sleutelbos")
    screen.look("passkeys", dark=True)
    page.click("header form button")
    page.wait_for_url("**/counter/sign-in*")
    screen.look("sign-in-by-passkey", dark=True)
    page.click("form[data-passkey] button")
    page.wait_for_url("**/counter/")
    assert "Fleur" in page.inner_text("header")
