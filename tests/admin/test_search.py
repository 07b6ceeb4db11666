"""One search: whatever a customer, a receipt, a bank or a provider calls it, and nothing that the reader may not see."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.admin.base.patience import TooMuchToReadError
from payments.admin.search import finder
from payments.admin.search.terms import read
from payments.audit_log.models import AuditLog
from payments.models import Order, Payment
from payments.people.services import customers
from payments.services.card_present.types import AcquirerReferences
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db


def hits(browser: Browser, text: str) -> dict[str, list[str]]:
    """What the dialog shows: the titles in each group."""
    found = browser.client.get("/admin/search/", {"q": text, "hits": "1"})
    assert found.status_code == 200, found.content
    return {group.title: [hit.title for hit in group.hits] for group in found.context["groups"]}


@pytest.fixture
def sold(shop: Shop) -> Payment:
    """One payment among others, known by every name that a payment has."""
    for amount in (1_000, 2_500, 8_450):
        shop.pin(amount)
    payment = shop.pin(4_321, references=AcquirerReferences(rrn="RRN-9", authorization_code="AUTH9"))
    customer = customers.get_or_create(merchant_id=shop.merchant.id, email="anna@example.org", name="Anna de Vries")
    Payment.objects.filter(id=payment.id).update(card_last4="9999", customer=customer, receipt_number="K7-2611-00042")
    Order.objects.filter(id=payment.order_id).update(reference="WEB-90017")
    return Payment.objects.get(id=payment.id)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("43,21", {"payments"}),
        ("€ 43.21", {"payments"}),
        ("WEB-90017", {"payments", "orders"}),
        ("web-90017", {"payments", "orders"}),
        ("90017", {"orders"}),  # a part of it
        ("K7-2611-00042", {"payments"}),
        ("00042", {"payments"}),
        ("9999", {"payments"}),
        ("•9999", {"payments"}),
        ("RRN-9", {"payments"}),
        ("AUTH9", {"payments"}),
        ("anna@EXAMPLE.org", {"payments", "customers"}),
        ("vries", {"customers"}),
        ("43,21 9999", {"payments"}),
        ("9999 vandaag", {"payments"}),
    ],
)
def test_it_is_found_by(text: str, kinds: set[str], sold: Payment, root: Browser) -> None:
    found = hits(root, text)
    assert found.keys() == kinds
    assert found.get("payments", ["WEB-90017"]) == found.get("orders", ["WEB-90017"]) == ["WEB-90017"]
    assert found.get("customers", ["Anna de Vries"]) == ["Anna de Vries"]


def test_a_number_is_both_an_amount_and_a_name(shop: Shop, root: Browser) -> None:
    by_amount, by_name = shop.pin(100_100), shop.pin(500)
    Order.objects.filter(id=by_name.order_id).update(reference="1001")
    shown = root.get("search/", q="1001")
    assert all(f"/payment/{row.id}/" in shown for row in (by_amount, by_name))


def test_an_amount_beside_a_day_or_a_card_is_of_that_day_and_card(sold: Payment, shop: Shop, root: Browser) -> None:
    other = shop.pin(4_321)
    Payment.objects.filter(id=other.id).update(business_day=sold.business_day - timedelta(days=3))
    assert len(hits(root, "43,21")["payments"]) == 2
    assert hits(root, "43,21 today") == {"payments": ["WEB-90017"]}
    assert hits(root, "€ 43,21 9999 today") == {"payments": ["WEB-90017"]}
    assert hits(root, "9999 12,50") == {}


def test_money_of_currencies_without_cents_is_found_too(shop: Shop, root: Browser) -> None:
    shop.pin(4_900, currency="JPY")
    assert len(hits(root, "4900")["payments"]) == len(hits(root, "JPY 4900")["payments"]) == 1
    assert "payments" not in hits(root, "EUR 4900")


def test_what_is_not_understood_is_said(sold: Payment, root: Browser) -> None:
    assert "can be read in two ways" in root.get("search/", q="1.250")
    assert "at most 100 characters" in root.get("search/", q="x" * 101)
    assert "Nothing goes by “nowhere-5”" in root.get("search/", q="nowhere-5")
    for odd in ("%", "' OR 1=1 --", "\0", "@", "_" * 50, "12,50 12,50", "-", "€"):
        assert hits(root, odd) == {}


def test_a_single_hit_is_opened_at_once(sold: Payment, root: Browser) -> None:
    opened = root.client.get("/admin/search/", {"q": "RRN-9", "open": "1"})
    assert (opened.status_code, opened["Location"]) == (302, f"/admin/payments/payment/{sold.id}/change/")
    assert root.client.get("/admin/search/", {"q": "WEB-90017", "open": "1"}).status_code == 200  # its order, too


def test_more_than_fit_are_a_list_of_just_these(shop: Shop, root: Browser) -> None:
    for _ in range(finder.SHOWN + 1):
        shop.pay_cash(7_700)
    shop.pay_cash(7_701)
    (group,) = root.client.get("/admin/search/", {"q": "77,00"}).context["groups"]
    assert len(group.hits) == finder.SHOWN
    listed = root.client.get(group.more).context["cl"]
    assert [row.amount for row in listed.result_list] == [7_700] * (finder.SHOWN + 1)


def test_nobody_finds_what_they_may_not_see(sold: Payment, shop: Shop, sign_in: SignIn) -> None:
    theirs = open_shop("Vreemd").pin(4_321, references=AcquirerReferences(rrn="RRN-9"))
    finance, auditor = sign_in("finance"), sign_in("auditor")
    for text in ("43,21", "RRN-9"):
        assert hits(finance, text) == {"payments": ["WEB-90017"]}
    assert hits(finance, theirs.id) == {} != hits(finance, sold.id)
    assert "payments" in hits(auditor, "43,21")
    web_only = sign_in("auditor", channel_id=shop.webshop.id)
    assert hits(web_only, "43,21") == {}
    assert hits(sign_in("clerk", channel_id=shop.webshop.id), "RRN-9") == {"payments": ["WEB-90017"]}


def test_a_customer_shown_is_a_look_that_is_written_down(sold: Payment, sign_in: SignIn) -> None:
    finance = sign_in("finance")
    hits(finance, "vries")
    assert sold.customer_id is not None
    look = AuditLog.objects.get(action="personal_data.seen", object_id=sold.customer_id)
    assert look.actor == finance.user.id


@pytest.mark.parametrize("text", ["1001", "84,50", "•4242", "anna@example.org", "WEB-90017", "9001", "12,50 today"])
def test_it_asks_few_statements(text: str, sold: Payment, sign_in: SignIn) -> None:
    finance = sign_in("finance")
    hits(finance, text)
    with CaptureQueriesContext(connection) as captured:
        hits(finance, text)
    statements = [query["sql"][:90] for query in captured if "SAVEPOINT" not in query["sql"]]
    assert len(statements) <= 15, statements


def test_a_part_that_takes_too_long_is_refused(sold: Payment, root: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def canceled(*_: object) -> None:
        raise TooMuchToReadError

    monkeypatch.setattr("payments.admin.search.page.find", canceled)
    assert "takes too long" in root.get("search/", q="9001")


def test_the_way_there_stands_on_every_page(root: Browser) -> None:
    for page in ("", "payments/payment/", "sales/"):
        assert 'href="/admin/search/"' in root.get(page)


def test_dutch(sold: Payment, sign_in: SignIn) -> None:
    page = sign_in("finance", language="nl").get("search/", q="WEB-90017")
    assert "<h2>Bestellingen</h2>" in page and "€\N{NO-BREAK SPACE}43,21" in page


@pytest.mark.parametrize(
    ("text", "name", "amount", "together"),
    [
        ("12,50", "", Decimal("12.50"), False),
        ("€ 1.234,50", "", Decimal("1234.50"), False),
        ("1001", "1001", Decimal(1001), False),
        ("W-1001", "W-1001", None, False),
        ("NL91 ABNA 0417 1643 00", "NL91 ABNA 0417 1643 00", None, False),
        ("12,50 4242", "", Decimal("12.50"), True),
        ("12,50 29-11-2026", "", Decimal("12.50"), True),
        ("29 nov 2026 12,50", "", Decimal("12.50"), True),
        ("order 1001", "order 1001", None, False),
    ],
)
def test_reading(text: str, name: str, amount: Decimal | None, together: bool) -> None:
    terms = read(text)
    assert (terms.name, terms.amount and terms.amount.value, terms.together) == (name, amount, together)


def test_a_day_without_its_year_is_the_last_such_day() -> None:
    today = timezone.localdate()
    ahead = today + timedelta(days=1)
    assert read(f"12,50 {ahead:%d-%m}").day == date(today.year - (ahead.year == today.year), ahead.month, ahead.day)
    assert read(f"12,50 {today:%d-%m}").day == today
