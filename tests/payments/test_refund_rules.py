"""A merchant's own refund rules: rights and limits, per role, person, channel and account; each denial names its rule."""

from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.utils import timezone

from payments.core.errors import Conflict, Forbidden, Invalid, OnetillError, ValidationFailed
from payments.models import Refund, RefundPart, RefundRule
from payments.people.models import Approval, AuditLog, Role, User
from payments.people.services import approvals
from payments.services import refund_rules
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.request import plan_refund, request_refund
from tests.builders import BY, Shop, open_shop
from tests.people.cast import finance_of, person
from tests.threads import at_once

pytestmark = pytest.mark.django_db

ANNA = BankAccount(iban="NL20INGB0001234567", name="A. de Vries")


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def rule(shop: Shop, kind: str, **more: Any) -> RefundRule:
    given: dict[str, Any] = {"name": f"House rule {kind}", "actor": BY} | more
    if kind.startswith("per_"):
        given.setdefault("beyond", "refuse")
    made = refund_rules.add_rule(shop.merchant, kind=kind, **given)
    assert isinstance(made, RefundRule)
    return made


def clerk(shop: Shop, name: str = "clerk") -> User:
    return person(name, shop.merchant.id, role=Role.Name.CLERK)


def gives(shop: Shop, amount: int, *, by: User | str = BY, **more: Any) -> Refund:
    """Cash out of the till, for a sale of its own."""
    fields = {"channel": shop.store, "route": "cash"} | more
    return request_refund(shop.asks(shop.pay_cash(amount).order, amount, **fields), actor=by).refund


def denied(act: Any) -> tuple[str, str]:
    """The code of the refusal, and the rule that it names."""
    with pytest.raises(OnetillError) as refusal:
        act()
    assert refusal.value.members["rule"]["name"] in refusal.value.detail
    return refusal.value.code, refusal.value.members["rule"]["id"]


def test_a_new_merchant_has_no_rules(shop: Shop) -> None:
    assert RefundRule.objects.count() == 0
    assert gives(shop, 999_950, by=clerk(shop)).status == "succeeded"


def test_who_may_give_back_only_the_way_it_came_gets_no_other_route(shop: Shop) -> None:
    rule(shop, "original_only", role="clerk")
    order = shop.pay_cash(1_000).order
    requested = shop.asks(order, 1_000, channel=shop.store, route="voucher")
    with pytest.raises(Invalid) as refusal:
        request_refund(requested, actor=clerk(shop))
    assert [reason["code"] for reason in refusal.value.members["reasons"]] == ["rule_original_only"]
    assert "House rule original_only" in refusal.value.detail
    assert request_refund(requested, actor=finance_of(shop.merchant.id)).refund.status == "succeeded"


def test_who_may_give_back_only_own_sales_is_refused_another_channels(shop: Shop) -> None:
    made = rule(shop, "own_sale", role="clerk")
    sold_at_the_terminal = shop.pin(1_000).order
    requested = shop.asks(sold_at_the_terminal, 1_000, channel=shop.webshop, route="voucher")
    anna = clerk(shop)
    assert denied(lambda: request_refund(requested, actor=anna)) == ("refund_right_missing", made.id)
    assert denied(lambda: plan_refund(requested, actor=anna)) == ("refund_right_missing", made.id)
    own = shop.asks(sold_at_the_terminal, 1_000, channel=shop.store, route="voucher")
    assert request_refund(own, actor=anna).refund.status == "succeeded"


def test_what_is_said_of_a_person_counts_before_their_role(shop: Shop) -> None:
    trusted, other = clerk(shop, "trusted"), clerk(shop, "other")
    rule(shop, "original_only", role="clerk")
    rule(shop, "free", person_id=trusted.id)
    requested = shop.asks(shop.pay_cash(1_000).order, 500, channel=shop.store, route="voucher")
    assert request_refund(requested, actor=trusted).refund.status == "succeeded"
    with pytest.raises(Invalid):
        request_refund(requested, actor=other)


def test_limits_hold_at_their_exact_amount(shop: Shop) -> None:
    made = rule(shop, "per_refund", amount=5_000)
    assert gives(shop, 5_000).status == "succeeded"
    assert denied(lambda: gives(shop, 5_001)) == ("refund_limit_exceeded", made.id)


def test_a_persons_day_is_added_up_over_orders_and_ends_at_midnight(shop: Shop) -> None:
    made = rule(shop, "per_person", amount=5_000, role="clerk")
    anna, bo = clerk(shop, "anna"), clerk(shop, "bo")
    gives(shop, 3_000, by=anna)
    assert denied(lambda: gives(shop, 2_500, by=anna)) == ("refund_limit_exceeded", made.id)
    assert gives(shop, 2_500, by=bo).status == "succeeded"
    yesterday = timezone.now() - timedelta(days=2)
    from payments.core.ids import made_in

    with made_in(yesterday):
        gives(shop, 1_000, by=bo)
    assert gives(shop, 2_000, by=anna).status == "succeeded"


def test_a_tills_key_has_a_day_for_each_operator(shop: Shop) -> None:
    made = rule(shop, "per_person", amount=5_000)
    key = "key_00000000000000000000000001"
    from payments.services.refunds import rules

    first = rules.applying(merchant=shop.merchant, channel=shop.store, actor=key, operator="Anna")
    refund = gives(shop, 5_000)
    Refund.objects.filter(id=refund.id).update(requested_by=key, operator="Anna")
    now = timezone.now()
    giving = rules.Giving(amount=100, currency="EUR")
    assert denied(lambda: rules.check_limits(first, giving, now=now)) == ("refund_limit_exceeded", made.id)
    other = rules.applying(merchant=shop.merchant, channel=shop.store, actor=key, operator="Bo")
    assert rules.check_limits(other, giving, now=now) is None


def test_a_channels_day(shop: Shop) -> None:
    made = rule(shop, "per_channel", amount=5_000, channel=shop.store)
    gives(shop, 3_000)
    assert denied(lambda: gives(shop, 2_500, by=clerk(shop))) == ("refund_limit_exceeded", made.id)
    by_post = shop.asks(shop.pin(9_000).order, 9_000, channel=shop.webshop, bank_account=ANNA)
    assert request_refund(by_post, actor=BY).refund.status == "pending"


def test_one_account_gets_no_more_in_35_days_however_it_is_written(shop: Shop) -> None:
    made = rule(shop, "per_iban", amount=5_000)
    shop.refund(shop.pin(4_000).order, 4_000, bank_account=ANNA)
    spaced = BankAccount(iban="NL20 INGB 0001 2345 67", name="Somebody else")
    assert denied(lambda: shop.refund(shop.pin(1_500).order, 1_500, bank_account=spaced)) == (
        "refund_limit_exceeded",
        made.id,
    )
    other = BankAccount(iban="NL44RABO0123456789", name="B. Bakker")
    assert shop.refund(shop.pin(4_500).order, 4_500, bank_account=other).status == "pending"
    assert "NL20" not in RefundPart.objects.values_list("iban_hash", flat=True)[0]


def test_a_blocked_account_gets_nothing(shop: Shop) -> None:
    made = rule(shop, "blocked_iban", iban="NL20 INGB 0001 2345 67")
    assert (made.iban_end, "INGB" in made.iban_hash) == ("4567", False)
    assert denied(lambda: shop.refund(shop.pin(700).order, 700, bank_account=ANNA)) == ("iban_blocked", made.id)


def test_beyond_a_limit_a_second_person_may_be_asked(shop: Shop) -> None:
    made = rule(shop, "per_person", amount=5_000, beyond="second_person")
    anna = clerk(shop)
    refund = gives(shop, 6_000, by=anna)
    assert refund.status == "requires_approval"
    approval = Approval.objects.get(subject_id=refund.id)
    assert approval.payload["limit"] == {
        "limit": "per_person",
        "amount": 5_000,
        "counted": 6_000,
        "currency": "EUR",
        "rule": {"id": made.id, "name": made.name},
    }
    approvals.settle(approval_id=approval.id, user=finance_of(shop.merchant.id), approved=True, note="")
    assert gives(shop, 5_000, by=anna).status == "succeeded", "what another approved does not use up one's own day"


def test_what_cannot_be_compared_with_a_limit_passes_it(shop: Shop) -> None:
    made = rule(shop, "per_refund", amount=5_000)
    order = shop.pay_cash(100, currency="USD").order
    assert denied(lambda: shop.refund(order, 100, channel=shop.store, route="cash")) == (
        "refund_limit_exceeded",
        made.id,
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["per_person", "per_channel"])
def test_two_at_once_do_not_both_pass_a_days_limit(kind: str) -> None:
    shop = open_shop()
    rule(shop, kind, amount=5_000)
    anna = clerk(shop)
    orders = [shop.pay_cash(3_000).order for _ in range(4)]
    start = Barrier(len(orders))

    def race(order: Any) -> str:
        start.wait()
        requested = shop.asks(order, 3_000, channel=shop.store, route="cash")
        try:
            return str(request_refund(requested, actor=anna).refund.status)
        except Forbidden as refusal:
            return refusal.code

    outcomes = sorted(str(outcome) for outcome in at_once(*(lambda order=order: race(order) for order in orders)))
    assert outcomes == ["refund_limit_exceeded"] * 3 + ["succeeded"]


def test_a_rule_that_ended_binds_nobody_and_both_stand_in_the_audit_log(shop: Shop) -> None:
    made = rule(shop, "per_refund", amount=5_000)
    refund_rules.end_rule(made, actor=BY)
    assert gives(shop, 9_000).status == "succeeded"
    with pytest.raises(Conflict, match="refund_rule_ended"):
        refund_rules.end_rule(made, actor=BY)
    actions = AuditLog.objects.filter(object_id=made.id).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["refund_rule.added", "refund_rule.ended"]


def test_at_a_live_merchant_a_second_person_agrees_to_a_rule() -> None:
    shop = open_shop()
    shop.merchant.mode = "live"
    shop.merchant.save()
    owner = person("owner", shop.merchant.id, role=Role.Name.OWNER)
    waiting = refund_rules.add_rule(
        shop.merchant, name="Not more than € 50", kind="per_refund", amount=5_000, beyond="refuse", actor=owner
    )
    assert isinstance(waiting, Approval)
    assert RefundRule.objects.count() == 0
    second = person("second", shop.merchant.id, role=Role.Name.OWNER)
    approvals.settle(approval_id=waiting.id, user=second, approved=True, note="")
    assert RefundRule.objects.get().name == "Not more than € 50"


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "per_refund"},
        {"kind": "per_refund", "amount": 5},
        {"kind": "free", "amount": 5, "beyond": "refuse"},
        {"kind": "blocked_iban"},
        {"kind": "free", "iban": "NL20INGB0001234567"},
    ],
)
def test_half_a_rule_is_refused(shop: Shop, given: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed):
        refund_rules.add_rule(shop.merchant, name="Half", actor=BY, **given)


def test_a_reason_of_the_list_is_counted_and_free_text_is_not(shop: Shop) -> None:
    reason = refund_rules.add_reason(shop.merchant, code="too_small", english="Too small", dutch="Te klein", actor=BY)
    assert gives(shop, 700, reason="too_small").reason_code == "too_small"
    assert gives(shop, 700, reason="Smells of fish.").reason_code == ""
    with pytest.raises(Conflict, match="refund_reason_exists"):
        refund_rules.add_reason(shop.merchant, code="too_small", english="Small", dutch="Klein", actor=BY)
    refund_rules.switch_reason(reason, actor=BY)
    assert gives(shop, 700, reason="too_small").reason_code == ""
