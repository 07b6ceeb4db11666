"""Whose place is in one channel sees what concerns their customers, and no link to what is not theirs to open."""

import re
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.models import Chargeback, Order, Payment
from payments.people.models import Role
from terminals.services.create import create
from tests.admin.conftest import Browser, SignIn
from tests.builders import BY, Shop, open_shop, report_dispute

pytestmark = pytest.mark.django_db


def links(page: str) -> set[str]:
    """The addresses of rows that a page leads to."""
    return set(re.findall(r'href="/admin/([^"?]+/change/|[^"]*of-item[^"]*)"', page))


def has_a_till(shop: Shop) -> None:
    """The store's terminal, as the page of terminals makes one."""
    shop.terminal = replace(shop.terminal, terminal_id=create(channel=shop.store, label="Till 1", actor=BY).terminal.id)


def of_store(shop: Shop) -> Payment:
    """49.50 paid at a terminal of the store, which the bank took back."""
    has_a_till(shop)
    paid = shop.pin(4_950)
    report_dispute(paid, Chargeback.Stage.CHARGEBACK, Chargeback.Status.OPEN)
    return paid


@pytest.mark.parametrize("role", ["owner", "finance", "store_manager", "clerk"])
def test_no_link_leads_from_another_channels_order_to_a_404(shop: Shop, sign_in: SignIn, role: str) -> None:
    paid = of_store(shop)
    colleague = sign_in(role, channel_id=shop.webshop.id)
    for path in (f"payments/payment/{paid.id}/change/", f"payments/order/{paid.order_id}/change/"):
        page = colleague.get(path)
        assert "data-row" not in page
        for address in links(page):
            colleague.get(address)


def test_the_name_of_what_may_not_be_opened_stays(shop: Shop, sign_in: SignIn) -> None:
    paid = of_store(shop)
    path = f"payments/payment/{paid.id}/change/"
    till = f"terminals/terminal/{paid.terminal_id}/change/"
    here, there = (sign_in("clerk", channel_id=channel.id).get(path) for channel in (shop.store, shop.webshop))
    assert till in links(here)
    assert till not in links(there)
    assert paid.terminal_label in there


def test_books_of_the_merchant_are_not_linked_to_from_one_channel(shop: Shop, sign_in: SignIn) -> None:
    path = f"payments/payment/{of_store(shop).id}/change/"
    whole, tied = sign_in("owner").get(path), sign_in("owner", channel_id=shop.store.id).get(path)
    assert {"Journal entries" in whole, "Journal entries" in tied} == {True}
    assert any("journalentry" in address for address in links(whole))
    assert not any("journalentry" in address for address in links(tied))


def test_another_role_at_another_merchant_opens_nothing_here(shop: Shop, sign_in: SignIn) -> None:
    """An owner elsewhere who is a clerk here: books are pages to them, but not these."""
    vreemd = open_shop("Vreemd")
    has_a_till(shop)
    both = sign_in("auditor", channel_id=shop.store.id)
    Role.objects.create(user=both.user, merchant_id=vreemd.merchant.id, role=Role.Name.OWNER)
    for shown in (shop.pin(1_000), vreemd.pin(2_000)):
        page = both.get(f"payments/payment/{shown.id}/change/")
        for address in links(page):
            both.get(address)


def test_a_channels_page_leads_to_the_payments_that_are_the_readers(shop: Shop, sign_in: SignIn) -> None:
    shop.pin(1_000)
    clerk, listed = (
        sign_in("clerk", channel_id=shop.webshop.id),
        f"payments/payment/?channel__id__exact={shop.store.id}",
    )
    assert listed not in clerk.get(f"payments/channel/{shop.store.id}/change/")
    assert listed in sign_in("clerk").get(f"payments/channel/{shop.store.id}/change/")


def queries(browser: Browser, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as statements:
        browser.get(path)
    return len(statements)


def test_a_list_of_many_links_asks_once(shop: Shop, sign_in: SignIn) -> None:
    tied = sign_in("store_manager", channel_id=shop.store.id)
    shop.pay_cash(1_000)
    tied.get("payments/payment/")
    few = queries(tied, "payments/payment/")
    for amount in range(1_001, 1_013):
        shop.pay_cash(amount)
    assert Order.objects.count() == 13
    assert queries(tied, "payments/payment/") == few
    assert queries(sign_in("store_manager"), "payments/payment/") < few


def test_nobody_writes_a_mark_into_a_page(shop: Shop, sign_in: SignIn) -> None:
    """What looks like one of ours in a text is a text."""
    mine = '<a href="/admin/" class="ot-link" data-row="payments.payment pk x">mine</a>'
    shop.webshop.__class__.objects.filter(id=shop.store.id).update(address=mine)
    page = sign_in("clerk", channel_id=shop.store.id).get(f"payments/channel/{shop.store.id}/change/")
    assert "data-row=&quot;payments.payment pk x&quot;" in page
