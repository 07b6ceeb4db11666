"""Refund rules and reasons, by clicking: an owner adds them, a clerk meets them, finance counts by them."""

from typing import Any

import pytest

from payments.models import Refund, RefundReason, RefundRule
from payments.services import refund_rules
from tests.admin.conftest import SignIn
from tests.builders import BY, Shop

pytestmark = pytest.mark.django_db

ONCE = "0" * 32


def form(shop: Shop, **more: str) -> dict[str, Any]:
    given = {"amount": "20.00", "channel": shop.store.id, "route": "cash", "reason": "Too small", "once": ONCE}
    return given | more


@pytest.mark.parametrize(
    ("language", "refusal"), [("en", "A refund rule allows less"), ("nl", "Een regel staat minder toe")]
)
def test_a_clerk_reads_which_rule_and_where_it_is(language: str, refusal: str, shop: Shop, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    owner.prove()
    page = f"payments/merchant/{shop.merchant.id}/"
    assert "../add-refund-rule/" in owner.get(f"{page}change/")
    owner.post(
        f"{page}add-refund-rule/", name="Clerks: € 10", kind="per_refund", role="clerk", amount="10", beyond="refuse"
    )
    made = RefundRule.objects.get()
    assert (made.amount, made.role) == (1_000, "clerk")
    order = shop.pay_cash(2_000).order
    clerk = sign_in("clerk", language=language)
    refused = clerk.post(f"payments/order/{order.id}/refund/", status=422, **form(shop))
    assert refusal in refused
    assert f"/admin/payments/refundrule/{made.id}/change/" in refused
    assert "../end/" not in clerk.get(f"payments/refundrule/{made.id}/change/")
    owner.post(f"payments/refundrule/{made.id}/end/")
    assert "ot-main" in clerk.post(f"payments/order/{order.id}/refund/", **form(shop))


def test_a_listed_reason_is_chosen_and_counted(shop: Shop, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    page = f"payments/merchant/{shop.merchant.id}/add-refund-reason/"
    assert "underscores" in owner.post(page, status=422, code="Too small!", english="Too small", dutch="Te klein")
    owner.post(page, code="too_small", english="Too small", dutch="Te klein")
    assert RefundReason.objects.get().code == "too_small"
    order = shop.pay_cash(2_000).order
    clerk = sign_in("clerk", language="nl")
    address = f"payments/order/{order.id}/refund/"
    assert "Te klein" in clerk.get(address)
    form_fields = form(shop, reason_code="too_small", reason="")
    shown = clerk.post(address, **form_fields)
    confirmed = shown.partition('name="confirmed" value="')[2].partition('"')[0]
    clerk.post(address, **form_fields, confirmed=confirmed)
    assert Refund.objects.get().reason_code == "too_small"
    figures = sign_in("finance").get("return-reasons/")
    assert "Too small" in figures
    assert "20.00" in figures
    assert "Te klein" in clerk.get(f"payments/refund/{Refund.objects.get().id}/change/")


def test_how_a_refund_is_spread_can_be_chosen(shop: Shop, sign_in: SignIn) -> None:
    order = shop.pay_cash(2_000).order
    clerk = sign_in("clerk")
    address = f"payments/order/{order.id}/refund/"
    assert 'name="allocation"' not in clerk.get(address), "there is nothing to spread"
    shop.pay_cash(2_000, order=order)
    assert 'name="allocation"' in clerk.get(address)
    shown = clerk.post(address, **form(shop, allocation="proportional"))
    assert shown.count("10.00") >= 2


def test_others_add_no_rules(shop: Shop, sign_in: SignIn) -> None:
    rule = refund_rules.add_rule(shop.merchant, name="Free", kind="free", actor=BY)
    assert isinstance(rule, RefundRule)
    for role in ("clerk", "finance", "store_manager"):
        browser = sign_in(role)
        browser.prove()
        browser.get(f"payments/merchant/{shop.merchant.id}/add-refund-rule/", status=403)
        browser.get(f"payments/refundrule/{rule.id}/end/", status=403)
