"""Reports: one figure by two dimensions, its totals, another period beside it, and nothing of another's channels."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from payments import statistics
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop

pytestmark = pytest.mark.django_db


def foot(browser: Browser, **asked: Any) -> list[str]:
    """The last line of the report."""
    part = browser.get("reports/", **asked).partition("<tfoot>")[2].partition("</tfoot>")[0]
    return [text.strip() for text in unescape(re.sub(r"<[^>]+>", "\n", part)).split("\n") if text.strip()]


def test_totals_of_rows_and_columns_and_an_average_made_of_sums(shop: Shop, sign_in: SignIn) -> None:
    shop.pin(10_000)
    shop.pay_cash(2_000)
    shop.pay_cash(3_000)
    finance = sign_in("finance")
    asked = {"rows": "channel", "columns": "method"}
    assert sorted(foot(finance, **asked)) == sorted(["total", "€50.00", "€100.00", "€150.00"])
    assert sorted(foot(finance, measure="average", **asked)) == sorted(["total", "€25.00", "€100.00", "€50.00"])
    assert foot(finance, measure="count", rows="month") == ["total", "3"]
    assert foot(finance, rows="week") == ["total", "€150.00"]


def test_another_period_beside_it(shop: Shop, sign_in: SignIn) -> None:
    shop.pin(10_000, occurred_at=timezone.now() - timedelta(days=7))
    shop.pay_cash(15_000)
    today = shop.merchant.business_day(timezone.now())
    days: dict[str, Any] = {"first": str(today - timedelta(days=6)), "last": str(today)}
    finance = sign_in("finance")
    assert foot(finance, compare="previous", **days) == ["total", "€150.00", "€100.00", "+50.0%"]
    assert foot(finance, compare="year", **days)[:3] == ["total", "€150.00", "€0.00"]
    # A day of this period was never a day of the one before: its line claims no zero.
    by_day = finance.get("reports/", rows="business_day", compare="previous", **days)
    assert "€0.00" not in by_day.partition("<tbody")[2].partition("</tbody>")[0]


def test_unreadable_choices_are_refused(shop: Shop, sign_in: SignIn) -> None:
    shop.pay_cash(2_000)
    finance = sign_in("finance", language="nl")
    assert 'href="/admin/reports/"' in finance.get("") and "Rapporten" in finance.get("reports/")
    faults: list[dict[str, Any]] = [
        {"measure": "x"},
        {"rows": "x"},
        {"columns": "channel"},
        {"compare": "x"},
        {"first": "x"},
        {"x": "y"},
    ]
    for wrong in faults:
        page = finance.get("reports/", **wrong)
        assert "ot-fault" in page and "<tfoot>" not in page, wrong


def test_a_clerk_of_one_store_gets_no_other_channel(shop: Shop, sign_in: SignIn) -> None:
    shop.pay_cash(2_000)
    day = shop.merchant.business_day(timezone.now())
    asked: dict[str, Any] = {"merchant_id": shop.merchant.id, "first": day, "last": day}
    assert statistics.figures(**asked, channel_ids=[]) == []
    assert statistics.figures(**asked, channel_ids=[shop.webshop.id]) == []
    assert (
        statistics.figures(**asked, channel_ids=[shop.webshop.id, shop.store.id]) == statistics.figures(**asked) != []
    )
    assert foot(sign_in("clerk", channel_id=shop.store.id)) == ["total", "€20.00"]
    other = sign_in("clerk", channel_id=shop.webshop.id).get("reports/")
    assert "Nothing was sold in this period." in other and shop.store.name not in other and "€20.00" not in other
