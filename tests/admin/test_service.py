"""Staff of one store serve every customer of the merchant; what others sell and settle stays the others'."""

import re
from typing import Any

import pytest

from payments.models import Payment, Refund
from payments.people.models import AuditLog, Customer
from payments.people.services import customers
from terminals.models import Terminal
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def online(shop: Shop) -> Payment:
    """49.50 of a webshop's customer who is known by name."""
    anna = customers.get_or_create(
        merchant_id=shop.merchant.id, reference="C1", email="anna@example.com", name="Anna de Vries"
    )
    code = shop.voucher(4_950).code
    return shop.pay(4_950, method="voucher", voucher_code=code, customer=anna)


@pytest.fixture(params=["clerk", "store_manager"])
def staff(request: pytest.FixtureRequest, shop: Shop, sign_in: SignIn) -> Browser:
    """Somebody who works in the store."""
    return sign_in(request.param, channel_id=shop.store.id)


def rows(page: str) -> set[str]:
    """The ids of the rows of a list; Django quotes the underscore of some."""
    found = re.findall(r'<th class="[^"]*field-[^"]*"[^>]*>\s*<a href="[^"]*/(\w+)/change/', page, re.DOTALL)
    return {each.replace("_5F", "_") for each in found}


def test_an_online_order_is_found_by_number_receipt_and_amount(shop: Shop, online: Payment, staff: Browser) -> None:
    assert 'href="/admin/payments/order/"' in staff.get("")
    shop.pay_cash(1_000)
    for requested in (
        {"q": online.order.reference},
        {"q": online.receipt_number},
        {"amount_from": "49.50", "amount_to": "49.50"},
    ):
        assert rows(staff.get("payments/order/", **requested)) == {online.order_id}, requested
    page = staff.get(f"payments/order/{online.order_id}/change/")
    assert "../refund/" in page
    assert online.id in page
    staff.get(f"payments/payment/{online.id}/change/")


def test_it_is_given_back_where_the_goods_came(shop: Shop, online: Payment, staff: Browser) -> None:
    path = f"payments/order/{online.order_id}/refund/"
    form = staff.get(path)
    assert f'value="{shop.store.id}" selected' in form
    assert f'value="{shop.webshop.id}"' not in form
    once = re.search(r'name="once"[^>]*value="([^"]*)"', form)
    assert once is not None
    asked: dict[str, Any] = {
        "amount": "20.00",
        "channel": shop.store.id,
        "route": "auto",
        "reason": "Small.",
        "once": once[1],
    }
    plan = staff.post(path, **asked)
    agreed = re.search(r'<button[^>]*name="confirmed" value="([^"]*)"', plan)
    assert agreed is not None
    staff.post(path, **asked, confirmed=agreed[1])
    made = Refund.objects.get()
    assert (made.channel_id, made.amount, made.status) == (shop.store.id, 2_000, "succeeded")
    staff.get(f"payments/refund/{made.id}/change/")


def test_only_the_own_terminals_that_work_are_offered(shop: Shop, online: Payment, staff: Browser) -> None:
    account = shop.account("external")
    for channel, label, secret in (
        (shop.store, "Kassa 1", "whsec_x"),
        (shop.store, "Kassa 2", None),
        (shop.webshop, "Depot", "y"),
    ):
        Terminal.objects.create(
            merchant=shop.merchant,
            channel=channel,
            provider_account=account,
            label=label,
            secret=secret,
            status="active" if secret else "revoked",
        )
    form = staff.get(f"payments/order/{online.order_id}/refund/")
    assert ["Kassa 1" in form, "Kassa 2" in form, "Depot" in form] == [True, False, False]


def test_lists_begin_with_the_own_channel(shop: Shop, online: Payment, staff: Browser) -> None:
    own = shop.pay_cash(1_000)
    assert rows(staff.get("payments/payment/")) == {own.id}
    assert rows(staff.get("payments/payment/", reach="all")) == {own.id, online.id}
    assert rows(staff.get("payments/payment/", q=online.order.reference)) == {online.id}
    returned = shop.refund(online, 100)
    assert rows(staff.get("payments/refund/")) == set()
    assert rows(staff.get("payments/refund/", reach="all")) == {returned.id}
    staff.get(f"payments/refund/{returned.id}/change/")


def test_whose_place_is_at_the_merchant_is_asked_for_no_reach(shop: Shop, online: Payment, sign_in: SignIn) -> None:
    page = sign_in("clerk").get("payments/payment/")
    assert "reach=all" not in page
    assert rows(page) == {online.id}


def test_what_others_sell_and_settle_stays_theirs(shop: Shop, online: Payment, sign_in: SignIn) -> None:
    clerk = sign_in("clerk", channel_id=shop.store.id)
    home, sales = clerk.get(""), clerk.get("sales/")
    assert shop.webshop.name not in home
    assert shop.webshop.name not in sales
    for name in ("ledger/account", "reconciliation/payout", "people/auditlog", "people/apikey"):
        clerk.get(f"{name}/", status=403)
    assert clerk.get(f"payments/payment/{online.id}/change/").count("../capture/") == 0
    clerk.get(f"payments/payment/{online.id}/capture/", status=403)
    clerk.get(f"payments/payment/{online.id}/cancel/", status=403)


def test_another_merchant_serves_its_own(online: Payment, sign_in: SignIn, staff: Browser) -> None:
    theirs = open_shop("Vreemd").pin(999)
    for path in (f"payment/{theirs.id}", f"order/{theirs.order_id}"):
        staff.get(f"payments/{path}/change/", status=404)
    staff.get(f"payments/order/{theirs.order_id}/refund/", status=404)
    assert rows(staff.get("payments/order/", amount_from="9.99", amount_to="9.99")) == set()


def test_an_auditor_of_one_channel_serves_nobody(shop: Shop, online: Payment, sign_in: SignIn) -> None:
    auditor = sign_in("auditor", channel_id=shop.store.id)
    auditor.get(f"payments/order/{online.order_id}/change/", status=404)
    auditor.get(f"payments/payment/{online.id}/change/", status=404)


def looks() -> list[tuple[str, str, str]]:
    found = AuditLog.objects.filter(action="personal_data.seen").order_by("id")
    return list(found.values_list("actor", "object_type", "object_id"))


def test_a_look_at_a_customer_is_written_down_once_an_hour(
    shop: Shop, online: Payment, staff: Browser, sign_in: SignIn
) -> None:
    for _ in range(2):
        staff.get(f"payments/order/{online.order_id}/change/")
        staff.get(f"payments/payment/{online.id}/change/")
    anna = str(online.customer_id)
    assert looks() == [(staff.user.id, "customer", anna)]
    other = sign_in("finance")
    other.get(f"payments/order/{online.order_id}/change/")
    assert looks()[1:] == [(other.user.id, "customer", anna)]
    nobody = shop.pay_cash(100)
    staff.get(f"payments/payment/{nobody.id}/change/")
    customers.forget(customer_id=anna, merchant_id=shop.merchant.id, actor="tests")
    sign_in("owner").get(f"payments/order/{online.order_id}/change/")
    assert len(looks()) == 2
    assert Customer.objects.get().name == ""
