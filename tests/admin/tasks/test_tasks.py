"""People's tasks in a real browser: each begins on the first page, and goes on by clicking; the clicks are counted.

Nobody types an address. Both languages and both widths are looked at, and nothing may be refused by the content
security policy or break in a script. With `SCREENSHOTS=folder` each end is kept as a picture.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone

from payments.models import Discrepancy, Payment, Refund
from payments.people.models import Approval, OneTimeLink, Role, User
from payments.services.card_present.types import AcquirerReferences
from payments.services.refunds.request import request_refund
from reconciliation.models import BankStatementLine, Export, Payout
from reconciliation.services.close_period import close
from reconciliation.services.import_file import import_file
from reconciliation.services.make_export import make_export
from reconciliation.services.periods import day_of, month_of, state_of
from reconciliation.services.upload import upload
from terminals.models import Terminal
from tests.api.client import Api
from tests.browsers import CHROMIUM, a_browser, page_of
from tests.builders import BY, DEBIT_CARD, Shop, fresh, open_shop
from tests.people import cast
from tests.reconciliation.conftest import BankLine, card_present, settlement_csv, statement

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here"),
]
PICTURES: Final = os.environ.get("SCREENSHOTS")
DESK: Final[dict[str, Any]] = {"viewport": {"width": 1400, "height": 900}}
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
IBAN: Final = "NL91ABNA0417164300"


class Visit:
    """Somebody at the first page of the admin; `clicks` are those since then."""

    def __init__(self, page: Any, user: User) -> None:
        self.page, self.user, self.clicks = page, user, 0

    def click(self, target: str) -> None:
        """Click on the first thing that is so, as it is seen."""
        self.clicks += 1
        self.page.locator(target).locator("visible=true").first.click()
        self.page.wait_for_load_state("load")

    def menu(self, title: str) -> None:
        self.click(f"#nav-sidebar a:has-text('{title}')")

    def reads(self) -> str:
        """The page's own text."""
        text: str = self.page.inner_text("#page")
        return " ".join(text.split())

    def proves(self) -> None:
        """Type the six digits where they are asked for."""
        self.page.fill("[name=code]", cast.code(self.user))
        self.click("#content button[type=submit], main button[type=submit], form button[type=submit]")

    def fits(self, name: str) -> None:
        """Nothing stands beyond the edge."""
        if PICTURES:
            Path(PICTURES).mkdir(exist_ok=True, parents=True)
            self.page.screenshot(path=f"{PICTURES}/task-{name}.png")
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name


Enter = Callable[..., Visit]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One for all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright's loop runs in this thread
        with a_browser() as started:
            yield started


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, settings: Any) -> Shop:
    settings.MEDIA_ROOT = tmp_path
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    return open_shop(second_person_above=10_000, iban=IBAN)


@pytest.fixture
def enter(live_server: Any, browser: Any, shop: Shop) -> Iterator[Enter]:
    """Lets somebody in, to the first page."""
    complaints: list[str] = []
    opened: list[Any] = []

    def sign_in(
        role: Role.Name = Role.Name.FINANCE,
        *,
        language: str = "en",
        look: dict[str, Any] = DESK,
        proved: bool = True,
        channel_id: str | None = None,
    ) -> Visit:
        user = cast.person(f"{role} {User.objects.count()}", shop.merchant.id, role=role, channel_id=channel_id)
        User.objects.filter(id=user.id).update(language=language)
        session = cast.signed_in(user, proved=proved).cookies[settings.SESSION_COOKIE_NAME].value
        page = page_of(browser, complaints, base_url=live_server.url, **look)
        opened.append(page)
        page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url, "httpOnly": True}]
        )
        page.goto("/admin/")
        return Visit(page, user)

    yield sign_in
    for page in opened:
        page.context.close()
    assert complaints == []


def sends(shop: Shop, content: str, **more: Any) -> None:
    row = upload(merchant=shop.merchant, file=ContentFile(content.encode()), name="file", actor=BY, **more)
    import_file(row.id)


def paid_out(shop: Shop, *, short: int = 0) -> Payment:
    """A PIN sale of 81.81, settled, and paid out; at the bank `short` minor units less."""
    sold = shop.pin(8_181, references=AcquirerReferences(rrn="RRN-1", authorization_code="A1", acquirer_tid="T1"))
    line = card_present(8_181, rrn="RRN-1", tid="T1", code="A1", fee=15)
    sends(shop, settlement_csv(line, payout="PAY-1"), provider_account=shop.account("external"))
    sends(shop, statement(BankLine(8_166 - short, "PAY-1")))
    return sold


@pytest.mark.parametrize(
    ("language", "look", "typed", "most"),
    [("nl", DESK, "12,50 gisteren 4242", 1), ("en", DESK, "12.50 yesterday", 1), ("nl", PHONE, "12,50 4242", 3)],
)
def test_the_pin_payment_of_yesterday(
    shop: Shop, enter: Enter, language: str, look: dict[str, Any], typed: str, most: int
) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    wanted = shop.pin(1_250, occurred_at=yesterday, card=replace(DEBIT_CARD, last4="4242"))
    shop.pin(1_250, card=replace(DEBIT_CARD, last4="1111"))
    shop.pin(1_251, occurred_at=yesterday, card=replace(DEBIT_CARD, last4="4242"))
    visit = enter(language=language, look=look)
    if look is PHONE:
        visit.click("button:has-text('menu'), [x-on\\:click*='sidebarMobileOpen'], header .material-symbols-outlined")
        visit.click("[data-search]")
    else:
        visit.page.keyboard.press("/")
    visit.page.keyboard.type(typed)
    visit.page.wait_for_selector("dialog [data-hit]")
    assert visit.page.locator("dialog [data-hit]").count() == 1
    visit.click("dialog [data-hit]")
    visit.page.wait_for_url(f"**/{wanted.id}/change/")
    assert visit.clicks <= most
    visit.fits(f"found-{language}-{most}")


def test_an_order_is_found_and_given_back_by_a_clerk(shop: Shop, enter: Enter) -> None:
    paid = shop.pay(4_990, method="cash", channel=shop.store)
    visit = enter(Role.Name.CLERK, language="nl", channel_id=shop.store.id)
    visit.page.keyboard.press("/")
    visit.page.keyboard.type(str(paid.order.reference))
    visit.page.wait_for_selector("dialog [data-hit]")
    visit.click("dialog [data-hit]")
    visit.click("a.ot-button:has-text('Terugbetalen')")
    visit.page.fill("[name=amount]", "12,50")
    visit.page.fill("[name=reason]", "Te klein")
    visit.click("form#action button[type=submit], .ot-narrow button[type=submit], button:has-text('Bekijk')")
    visit.page.wait_for_selector("#plan")
    visit.click("button.ot-main:has-text('12,50')")
    visit.page.wait_for_selector("text=is aangemaakt")
    assert Refund.objects.get().amount == 1_250
    assert visit.clicks <= 4
    visit.fits("refunded")


def test_the_second_persons_day(shop: Shop, enter: Enter) -> None:
    ada = cast.person("ada", shop.merchant.id)
    for amount in (12_345, 23_456):
        request_refund(shop.asks(shop.pay_cash(30_000).order, amount, channel=shop.store), actor=ada)
    visit = enter(language="nl", proved=False)
    visit.click("#attention a[href*='turn=me']")
    visit.click("#result_list a[href*='/change/']")
    assert "123,45" in visit.reads() and "Wat het boekt" in visit.reads()
    visit.page.fill("#note", "Bon gezien.")
    visit.click("button[value=approve]")
    visit.proves()
    assert visit.page.input_value("#note") == "Bon gezien."
    visit.click("button[value=approve]")
    assert Approval.objects.get(decision="approved").note == "Bon gezien."
    visit.page.keyboard.press("n")
    visit.page.wait_for_selector("text=234,56")
    visit.page.fill("#note", "Niet met deze bon.")
    visit.click("button[value=reject]")
    assert "Er wacht verder niets op u." in visit.reads()
    assert sorted(Refund.objects.values_list("status", flat=True)) == ["canceled", "succeeded"]
    assert visit.clicks <= 6
    visit.fits("second-person")


def test_a_payout_of_two_euros_too_little(shop: Shop, enter: Enter) -> None:
    """The bank line is matched in spite of its amount, a second person agrees, and what is left is booked as a fee."""
    paid_out(shop, short=200)
    anna, bob = enter(), enter(language="nl")
    anna.click("#attention a[href*='unknown_line']")
    anna.click("#result_list a[href*='/change/']")
    anna.page.check("#candidates [name=with] >> nth=0")
    assert "€2.00" in anna.page.inner_text("[data-difference]")
    anna.page.fill("#note", "Their fee for the transfer is off it.")
    anna.click("#ways button[type=submit]")
    assert anna.clicks <= 4

    bob.page.reload()
    bob.click("#attention a[href*='turn=me']")
    bob.click("#result_list a[href*='/change/']")
    assert "Their fee for the transfer is off it." in bob.reads()
    bob.click("button[value=approve]")
    assert bob.clicks <= 3

    anna.clicks = 0
    anna.menu("Overview")
    anna.click("#attention a[href*='payout_differs']")
    anna.click("#result_list a[href*='/change/']")
    anna.click(".ot-way:has(input[value=book_fee])")
    anna.page.fill("#note", "Their fee for the transfer.")
    anna.click("#ways button[type=submit]")
    assert {row.status for row in Discrepancy.objects.all()} == {"resolved"}
    assert anna.clicks <= 5
    anna.fits("payout-short")


def test_from_the_bank_to_the_transaction_and_back(shop: Shop, enter: Enter) -> None:
    sold = paid_out(shop)
    line, payout = BankStatementLine.objects.get(), Payout.objects.get()
    visit = enter(language="nl")
    visit.menu("Bankregels")
    visit.click("#result_list a[href*='/change/']")
    start = visit.clicks
    visit.click(f".ot-page a[href*='{payout.id}']")
    assert visit.clicks - start <= 2
    start = visit.clicks
    visit.click(".ot-page a[href*='/settlement/']")
    visit.click(f".ot-page a[href*='{sold.id}']")
    assert visit.clicks - start <= 2
    start = visit.clicks
    visit.click(".ot-page a[href*='/settlement/']")
    visit.click(f".ot-page a[href*='{payout.id}']")
    assert visit.clicks - start <= 2
    visit.click(f".ot-page a[href*='bankstatementline/{line.pk}/']")
    visit.fits("bank-line")


def test_a_day_is_closed(shop: Shop, enter: Enter) -> None:
    day = shop.merchant.business_day(timezone.now()) - timedelta(days=1)
    shop.pay_cash(1_200)
    visit = enter(language="nl")
    visit.menu("Dagen")
    visit.click(f".ot-page a[href*='{shop.webshop.id}.{day}']")
    visit.click("a.ot-button[href='../close/']")
    visit.click("#action button.ot-main")
    assert state_of(day_of(shop.webshop, day)).status == "closed"
    assert visit.clicks <= 5
    visit.fits("day-closed")


def test_a_month_is_closed_after_its_days(shop: Shop, enter: Enter) -> None:
    today = shop.merchant.business_day(timezone.now())
    day = today.replace(day=1) - timedelta(days=3)
    shop.pin(1_200, occurred_at=datetime.combine(day, time(12), shop.merchant.zone))
    assert not isinstance(close(day_of(shop.store, day), actor=BY), Approval)
    visit = enter()
    visit.menu("Months")
    visit.click(f".ot-page a[href*='{shop.merchant.id}.{day:%Y-%m}']")
    visit.click("a.ot-button[href='../close/']")
    visit.click("#action button.ot-main")
    assert state_of(month_of(shop.merchant, day)).status == "closed"
    assert visit.clicks <= 4
    visit.fits("month-closed")


def test_the_trial_balance_as_it_was_known(shop: Shop, enter: Enter) -> None:
    at = timezone.now() - timedelta(days=30)
    shop.pin(10_000, occurred_at=at)
    visit = enter(Role.Name.CONTROLLER)
    visit.menu("Trial balance")
    visit.page.fill("[name=date]", str(at.date()))
    visit.click(".ot-page form.ot-period button")
    assert "€100.00" in visit.reads()
    visit.page.fill("[name=known]", str(at.date() + timedelta(days=5)))
    visit.click(".ot-page form.ot-period button")
    assert "Nothing was booked by then." in visit.reads()
    assert visit.clicks == 3
    visit.fits("trial-balance")


def test_a_month_is_exported(shop: Shop, enter: Enter) -> None:
    shop.pin(10_000, occurred_at=timezone.now() - timedelta(days=30))
    visit = enter()
    visit.menu("Exports")
    visit.click("a[href*='export/new']")
    visit.page.select_option("[name=kind]", "journal_csv")
    visit.click("form.max-w-3xl button[type=submit]")
    row = Export.objects.get()
    make_export(row.id)
    visit.page.wait_for_selector(".ot-page a[href$='/file/']")
    with visit.page.expect_download() as download:
        visit.page.locator(".ot-page a[href$='/file/']").first.click()
    assert download.value.suggested_filename
    assert visit.clicks <= 4
    visit.fits("exported")


def test_a_colleague_is_invited_to_one_store(shop: Shop, enter: Enter) -> None:
    visit = enter(Role.Name.OWNER, language="nl")
    visit.menu("Personen")
    visit.click("a[href*='/invite/']")
    visit.fits("invite")
    visit.page.fill("[name=name]", "Noor")
    visit.page.fill("[name=email]", "noor@example.com")
    visit.page.select_option("[name=role]", "clerk")
    place = visit.page.locator("[name=place] option", has_text=shop.store.name).get_attribute("value")
    visit.page.select_option("[name=place]", place)
    visit.click("#action button.ot-main")
    invited = Role.objects.get(user__email="noor@example.com")
    assert (invited.role, invited.channel_id) == ("clerk", shop.store.id)
    assert OneTimeLink.objects.filter(user=invited.user).exists()
    assert visit.clicks <= 3


def test_a_pin_terminal_is_paired_by_a_code_to_scan(shop: Shop, enter: Enter) -> None:
    visit = enter(Role.Name.OWNER)
    visit.menu("Terminals")
    visit.click("a[href*='/terminal/add/']")
    visit.page.select_option("[name=channel]", shop.store.id)
    visit.page.fill("[name=label]", "Till 2")
    visit.click("[name=_save]")
    made = Terminal.objects.get()
    assert visit.page.locator("#main svg, #content svg").count() >= 1
    codes = re.findall(r"\b[A-Z0-9]{8}\b", visit.reads())
    answers = [Api().post("/v1/terminals/pair", {"pairing_code": code}).status_code for code in codes]
    assert 200 in answers or 201 in answers, (codes, answers)
    assert fresh(made).status == "active"
    assert visit.clicks <= 3
    visit.fits("paired")
