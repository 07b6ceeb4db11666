"""The list adds up what is filtered, finds what people name, and asks a number of queries that does not grow."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.admin.base.periods import span
from payments.models import Payment, Refund
from payments.people.services import customers
from payments.queries import search
from payments.services.card_present.types import AcquirerReferences, DeviceOutcome
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold(shop: Shop) -> Shop:
    for amount in (1_000, 2_500, 99_999):
        shop.pin(amount)
        shop.pay_cash(amount + 1)
    shop.refund(shop.pin(5_000), 1_500)
    shop.pin_back(100)
    shop.pin(700, outcome=DeviceOutcome.DECLINED)
    shop.pin(800, offline=True)
    return shop


def totals(browser: Browser, **filters: str) -> dict[str, int]:
    listed = browser.client.get("/admin/payments/payment/", filters).context["cl"]
    (sums,) = listed.totals or [None]
    assert sums is None or sums.count == len(listed.result_list) == listed.result_count
    return {} if sums is None else {name: sums.sums[name] for name in ("captured", "refunded", "net")}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, lambda row: True),
        ({"method__exact": "cash"}, lambda row: row.method == "cash"),
        ({"status__exact": "declined"}, lambda row: row.status == "declined"),
        ({"origin__exact": "in_store"}, lambda row: row.origin == "in_store"),
        ({"amount_from": "25.00", "amount_to": "999.99"}, lambda row: 2_500 <= row.amount <= 99_999),
        ({"provisional__exact": "1"}, lambda row: row.provisional),
    ],
)
def test_totals_are_what_the_rows_add_up_to(filters: dict[str, str], expected: Any, sold: Shop, root: Browser) -> None:
    rows = [row for row in Payment.objects.all() if expected(row)]
    captured, refunded = sum(row.amount_captured for row in rows), sum(row.amount_refunded for row in rows)
    charged_back = sum(row.amount_charged_back for row in rows)
    assert totals(root, **filters) == {
        "captured": captured,
        "refunded": refunded,
        "net": captured - refunded - charged_back,
    }


def test_totals_are_of_what_a_person_may_see(sold: Shop, sign_in: SignIn) -> None:
    open_shop("Vreemd").pin(77_777)
    assert totals(sign_in("finance")) == totals(sign_in("clerk", channel_id=sold.store.id))
    assert totals(sign_in("clerk", channel_id=sold.webshop.id)) == {}


def test_a_period_is_of_business_days_and_goes_with_the_calendar(sold: Shop, root: Browser) -> None:
    today = sold.merchant.business_day(timezone.now())
    days = {"cash": today - timedelta(days=1), "card": today}
    for method, day in days.items():
        Payment.objects.filter(method=method).update(business_day=day)
    for period, count in (("yesterday", 3), ("today", 6)):
        listed = root.client.get("/admin/payments/payment/", {"business_day_period": period}).context["cl"]
        assert listed.result_count == count
    both = {"business_day_from": f"{days['cash']:%d-%m-%Y}", "business_day_to": str(today)}
    assert root.client.get("/admin/payments/payment/", both).context["cl"].result_count == 9


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("today", "2026-03-01", "2026-03-01"),
        ("yesterday", "2026-02-28", "2026-02-28"),
        ("this_week", "2026-02-23", "2026-03-01"),
        ("last_week", "2026-02-16", "2026-02-22"),
        ("this_month", "2026-03-01", "2026-03-31"),
        ("last_month", "2026-02-01", "2026-02-28"),
    ],
)
def test_periods_by_name(period: str, first: str, last: str) -> None:
    """A Sunday: the week that began on Monday is still this one."""
    assert span(period, date(2026, 3, 1)) == (date.fromisoformat(first), date.fromisoformat(last))


def test_what_was_sold_offline_stands_where_it_happened(sold: Shop, root: Browser) -> None:
    late = sold.pin(3_333, occurred_at=timezone.now() - timedelta(hours=30))
    listed = root.client.get("/admin/payments/payment/").context["cl"]
    assert listed.result_list[len(listed.result_list) - 1].id == late.id
    turned = root.client.get("/admin/payments/payment/", {"sort": "time"}).context["cl"]
    assert turned.result_list[0].id == late.id


@pytest.mark.parametrize("name", ["order", "payment", "receipt", "last4", "rrn", "authorization", "refund", "e-mail"])
def test_a_payment_is_found_by(name: str, sold: Shop, root: Browser) -> None:
    payment = sold.pin(4_321, references=AcquirerReferences(rrn="RRN-9", authorization_code="AUTH9"))
    customer = customers.get_or_create(merchant_id=sold.merchant.id, email="Anna@example.org", name="Anna")
    Payment.objects.filter(id=payment.id).update(card_last4="9999", customer=customer)
    payment.order.reference = "WEB-9"
    payment.order.save()
    assert payment.receipt_number is not None
    known = {
        "order": "WEB-9",
        "payment": payment.id,
        "receipt": payment.receipt_number,
        "last4": "9999",
        "rrn": "RRN-9",
        "authorization": "AUTH9",
        "refund": sold.refund(payment, 100).id,
        "e-mail": "anna@EXAMPLE.org",
    }
    listed = root.client.get("/admin/payments/payment/", {"q": known[name]}).context["cl"]
    assert [row.id for row in listed.result_list] == [payment.id]


def test_nothing_is_found_at_another_merchant(sold: Shop) -> None:
    theirs = open_shop("Vreemd").pin(4_321, references=AcquirerReferences(rrn="RRN-9"))
    assert theirs.card_last4 is not None
    for name in (theirs.id, theirs.order_id, "RRN-9", theirs.card_last4):
        found = Payment.objects.filter(id__in=search.payments(name, merchants=[sold.merchant.id]))
        assert theirs not in found
    for odd in ("%", "' OR 1=1 --", "\0", "@", "x" * 5_000):
        assert not Payment.objects.filter(id__in=search.payments(odd, merchants=[sold.merchant.id])).exists()


def test_open_discrepancies_filter(sold: Shop, root: Browser) -> None:
    over = sold.pin(1_000)
    sold.pin_back(1_500, over)
    yes = root.client.get("/admin/payments/payment/", {"open_discrepancies": "yes"}).context["cl"]
    assert over.id in [row.id for row in yes.result_list]
    no = root.client.get("/admin/payments/payment/", {"open_discrepancies": "no"}).context["cl"]
    assert over.id not in [row.id for row in no.result_list]


def queries(browser: Browser, path: str) -> int:
    browser.get(path)
    with CaptureQueriesContext(connection) as captured:
        browser.get(path)
    return len(captured)


@pytest.mark.parametrize("role", ["root", "finance"])
def test_lists_ask_as_many_queries_for_many_rows_as_for_one(role: str, shop: Shop, sign_in: SignIn) -> None:
    browser = sign_in(role)
    lists = [
        f"{model._meta.app_label}/{model._meta.model_name}/"
        for model in admin.site._registry
        if model._meta.app_label in ("payments", "ledger")
    ]

    def sell() -> None:
        payment = shop.pin(1_000)
        shop.refund(payment, 100)
        shop.pin_back(2_000, payment)

    sell()
    before = {path: queries(browser, path) for path in lists}
    for _ in range(8):
        sell()
    assert {path: queries(browser, path) for path in lists} == before
    assert before["payments/payment/"] <= 15


def test_a_page_asks_as_many_queries_for_a_long_story_as_for_a_short_one(shop: Shop, root: Browser) -> None:
    def story(times: int) -> Payment:
        payment = shop.pin(10_000)
        for _ in range(times):
            shop.refund(payment, 100)
            shop.pin(100, order=payment.order)
        return payment

    short, long = story(2), story(9)
    for name in ("payment", "order"):
        paths = [f"payments/{name}/{row.id if name == 'payment' else row.order_id}/change/" for row in (short, long)]
        assert queries(root, paths[0]) == queries(root, paths[1])
    refunds = [Refund.objects.filter(order=row.order).earliest("id") for row in (short, long)]
    assert len({queries(root, f"payments/refund/{refund.id}/change/") for refund in refunds}) == 1


def test_the_first_page_tells_today_and_what_waits(sold: Shop, sign_in: SignIn) -> None:
    sold.refund(sold.pin(50_000).order, 20_000)
    finance = sign_in("finance")
    page = finance.get("")
    for expected in ("In store", "refunds waiting for a second person", "refund without a sale", "Last payments"):
        assert expected in page, expected
    assert 'hx-trigger="changed"' in page and "/admin/live/stream?merchant=" in page
    assert "refunds waiting" in finance.get("live/")
    assert queries(finance, "") <= 25


def test_the_live_part_is_for_those_signed_in(sold: Shop, sign_in: SignIn) -> None:
    browser = sign_in("finance")
    browser.client.logout()
    answer = browser.client.get("/admin/live/")
    assert (answer.status_code, answer["HX-Refresh"]) == (401, "true")


@pytest.mark.parametrize("by", ["business_day", "channel", "origin", "method", "brand", "hour"])
def test_sales_by(by: str, sold: Shop, sign_in: SignIn) -> None:
    finance = sign_in("finance")
    page = finance.client.get("/admin/sales/", {"by": by})
    (section,) = page.context["sections"]
    captured = sum(row.amount_captured for row in Payment.objects.filter(status="captured"))
    assert f"€{captured / 100:,.2f}" in str(section.totals[2])
    wrong = finance.client.get("/admin/sales/", {"first": "2020-01-01"}).content.decode()
    assert "Choose a period of at most a year" in wrong
    assert finance.client.get("/admin/sales/", {"merchant": "mer_x", "by": "x"}).status_code == 200


def test_every_page_says_what_it_may_load(root: Browser) -> None:
    answer = root.client.get("/admin/payments/payment/")
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval';" in policy
    page = answer.content.decode()
    assert "<script>" not in page
    assert 'src="http' not in page
    assert 'href="http' not in page
