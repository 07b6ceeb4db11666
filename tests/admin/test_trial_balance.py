"""The trial balance at a day, and as it was known on another: what came later is not in it."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop

pytestmark = pytest.mark.django_db


def totals(browser: Browser, **asked: Any) -> list[str]:
    """The two sides of the page, added up."""
    foot = browser.get("trial-balance/", **asked).partition("<tfoot>")[2].partition("</tfoot>")[0]
    return [text for text in unescape(re.sub(r"<[^>]+>", "\n", foot)).split("\n") if text.strip()]


def test_what_was_booked_later_is_not_in_what_was_known_before(shop: Shop, sign_in: SignIn) -> None:
    finance = sign_in("finance")
    last_week = timezone.now() - timedelta(days=7)
    shop.pin(10_000, occurred_at=last_week)  # the terminal was offline, and tells of it today
    shop.pay_cash(2_550)
    today, day = (str(shop.merchant.business_day(at)) for at in (timezone.now(), last_week))
    assert totals(finance) == ["all", "€125.50", "€125.50"]
    assert totals(finance, date=day) == totals(finance, date=day, known=today) == ["all", "€100.00", "€100.00"]
    assert "Nothing was booked by then." in finance.get("trial-balance/", date=day, known=day)
    assert "on or after" in finance.get("trial-balance/", date=today, known=day)


def test_each_account_leads_to_its_postings_and_the_menu_to_the_page(shop: Shop, sign_in: SignIn) -> None:
    shop.pay_cash(10_000)
    finance = sign_in("finance", language="nl")
    assert 'href="/admin/trial-balance/"' in finance.get("")
    page = finance.get("trial-balance/")
    assert "Saldibalans" in page
    account = re.search(r'href="/admin/(ledger/account/[^"]+)"', page)
    assert account is not None
    assert "100,00" in finance.get(account[1])
    sign_in("clerk").get("trial-balance/", status=403)
