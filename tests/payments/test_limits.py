"""Limits that nobody walks under: by several small refunds, at once, by another channel, by key and by hand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from payments.core.errors import Forbidden
from payments.models import Merchant, Order, Refund
from payments.people.actors import Caller
from payments.people.models import Approval, Role, User
from payments.people.scopes import SCOPES
from payments.people.services import api_keys
from payments.services.refunds.approve import approve_refund
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.release import release_bank_part
from payments.services.refunds.request import request_refund
from tests.api.client import Api
from tests.builders import Shop, fresh, open_shop
from tests.people.cast import finance_of, person

pytestmark = pytest.mark.django_db

LIMIT = 5_000


@pytest.fixture
def shop() -> Shop:
    return open_shop(second_person_above=LIMIT)


def back(shop: Shop, order: Order, amount: int) -> Refund:
    """Cash, over the counter."""
    return shop.refund(order, amount, channel=shop.store)


def statuses(order: Order) -> list[str]:
    return list(Refund.objects.filter(order=order).order_by("id").values_list("status", flat=True))


def test_four_refunds_of_49_do_not_pass_a_limit_of_50(shop: Shop) -> None:
    order = shop.pay_cash(20_000).order
    first, *others = [back(shop, order, 4_900) for _ in range(4)]
    assert first.status != "requires_approval"
    assert [refund.status for refund in others] == ["requires_approval"] * 3
    approval = Approval.objects.order_by("id").first()
    assert approval is not None
    assert approval.payload["limit"] == {
        "limit": "second_person_above",
        "amount": 5_000,
        "counted": 9_800,
        "currency": "EUR",
    }


def test_up_to_the_limit_in_all_nobody_is_asked(shop: Shop) -> None:
    order = shop.pay_cash(20_000).order
    assert "requires_approval" not in {back(shop, order, amount).status for amount in (2_000, 2_000, 1_000)}
    assert back(shop, order, 1).status == "requires_approval"


def test_what_another_person_agreed_to_does_not_count(shop: Shop) -> None:
    order = shop.pay_cash(20_000).order
    large = back(shop, order, 9_000)
    approve_refund(large, user=finance_of(shop.merchant.id))
    assert back(shop, order, 4_900).status != "requires_approval"
    assert back(shop, order, 200).status == "requires_approval"


def test_another_channel_is_no_way_around(shop: Shop) -> None:
    order = shop.pay_cash(20_000).order
    back(shop, order, 4_900)
    assert shop.refund(order, 4_900, route="voucher").status == "requires_approval"


def test_nor_is_a_key_after_a_person(shop: Shop) -> None:
    order = shop.pay_cash(20_000).order
    clerk = person("clerk", shop.merchant.id, role=Role.Name.CLERK)
    assert request_refund(shop.asks(order, 4_900, channel=shop.store), actor=clerk).refund.status != "requires_approval"
    key = Caller("key_1", shop.merchant.id, None, True, SCOPES)
    assert request_refund(shop.asks(order, 4_900, channel=shop.store), actor=key).refund.status == "requires_approval"


def test_what_a_device_gave_back_counts(shop: Shop) -> None:
    payment = shop.pin(20_000)
    shop.pin_back(4_900, payment)
    assert shop.refund(payment.order, 4_900, route="voucher").status == "requires_approval"


def test_an_amount_in_another_currency_cannot_be_held_against_the_limit(shop: Shop) -> None:
    order = shop.pay_cash(20_000).order
    Merchant.objects.update(currency="CHF")
    shop.store.merchant.refresh_from_db()
    assert back(shop, order, 1).status == "requires_approval"


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_do_not_pass_it_either(shop: Shop) -> None:
    order = shop.pay_cash(50_000).order
    at_once([lambda: back(shop, order, 4_900)] * 10)
    assert statuses(order).count("requires_approval") == 9


def at_once(attempts: list[Callable[[], object]]) -> None:
    def run(attempt: Callable[[], object]) -> None:
        try:
            attempt()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(attempts)) as pool:
        list(pool.map(run, attempts))


def test_a_persons_day_has_a_limit_over_all_orders() -> None:
    shop = open_shop(second_person_above_daily=10_000)
    clerk, other = (person(name, shop.merchant.id, role=Role.Name.CLERK) for name in ("clerk", "other"))

    def refund_by(by: User, amount: int) -> Refund:
        return request_refund(shop.asks(shop.pay_cash(9_000).order, amount, channel=shop.store), actor=by).refund

    assert "requires_approval" not in {refund_by(clerk, 5_000).status for _ in range(2)}
    third = refund_by(clerk, 1)
    assert third.status == "requires_approval"
    assert Approval.objects.get().payload["limit"] == {
        "limit": "second_person_above_daily",
        "amount": 10_000,
        "counted": 10_001,
        "currency": "EUR",
    }
    assert refund_by(other, 5_000).status != "requires_approval"
    back(shop, shop.pay_cash(9_000).order, 9_000)  # a key's, or Onetill's own: no person's day

    today = fresh(third).business_day
    theirs = Refund.objects.filter(requested_by=clerk.id)
    theirs.update(business_day=today - timedelta(days=1))
    assert refund_by(clerk, 5_000).status != "requires_approval"
    theirs.update(business_day=today)  # as the statistics have it


@pytest.mark.django_db(transaction=True)
def test_a_persons_day_counts_under_a_race() -> None:
    shop = open_shop(second_person_above_daily=10_000)
    clerk = person("clerk", shop.merchant.id, role=Role.Name.CLERK)
    orders = [shop.pay_cash(5_000).order for _ in range(8)]
    at_once([partial(request_refund, shop.asks(order, 5_000, channel=shop.store), actor=clerk) for order in orders])
    assert [statuses(order)[0] for order in orders].count("requires_approval") == 6


def test_a_waiting_refund_says_which_limit(shop: Shop) -> None:
    order = shop.pay_cash(20_000).order
    api = Api(api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], actor="command").text)
    requested = api.post("/v1/refunds", {"order": order.id, "amount": 5_001, "reason": "x", "channel": shop.store.id})
    answer = requested.json()
    assert (answer["status"], answer["approvals"][0]["limit"]["counted"]) == ("requires_approval", 5_001)


def test_a_stolen_till_key_asks_and_its_maker_does_not_agree(shop: Shop) -> None:
    owner = person("owner", shop.merchant.id, role=Role.Name.OWNER)
    key = api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], actor=owner)
    refund = request_refund(
        shop.asks(shop.pay_cash(9_000).order, 9_000, channel=shop.store), actor=api_keys.verify(key.text)
    ).refund
    with pytest.raises(Forbidden, match="own_request"):
        approve_refund(refund, user=owner)
    approve_refund(refund, user=finance_of(shop.merchant.id))


def test_who_asked_for_a_transfer_does_not_release_it(shop: Shop) -> None:
    account = BankAccount(iban="NL91ABNA0417164300", name="A. Bakker")
    asker, finance = person("asker", shop.merchant.id), finance_of(shop.merchant.id)
    request = shop.asks(shop.pay_cash(4_000).order, 4_000, route="bank", bank_account=account)
    part = request_refund(request, actor=asker).refund.parts.get()

    with pytest.raises(Forbidden, match="own_request"):
        release_bank_part(part, user=asker)
    tired = person("tired", shop.merchant.id, proved=False)
    with pytest.raises(Forbidden, match="second_factor_required"):
        release_bank_part(part, user=tired)
    clerk = person("clerk", shop.merchant.id, role=Role.Name.CLERK)
    with pytest.raises(Forbidden, match="permission_missing"):
        release_bank_part(part, user=clerk)
    assert fresh(part).released_at is None

    release_bank_part(part, user=finance)
    assert fresh(part).released_at is not None
    released = Approval.objects.get(action="release_transfer")
    assert (released.requested_by, released.decided_by) == (asker.id, finance)


def test_nor_does_who_made_the_key_that_asked_for_it(shop: Shop) -> None:
    owner = person("owner", shop.merchant.id, role=Role.Name.OWNER)
    key = api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], actor=owner)
    account = BankAccount(iban="NL91ABNA0417164300", name="A. Bakker")
    request = shop.asks(shop.pay_cash(4_000).order, 4_000, route="bank", bank_account=account)
    part = request_refund(request, actor=api_keys.verify(key.text)).refund.parts.get()
    with pytest.raises(Forbidden, match="own_request"):
        release_bank_part(part, user=owner)


def test_a_shop_of_one_releases_its_own_and_it_says_so() -> None:
    shop = open_shop(decides_alone_from=timezone.now())
    owner = person("owner", shop.merchant.id, role=Role.Name.OWNER)
    account = BankAccount(iban="NL91ABNA0417164300", name="A. Bakker")
    request = shop.asks(shop.pay_cash(4_000).order, 4_000, route="bank", bank_account=account)
    release_bank_part(request_refund(request, actor=owner).refund.parts.get(), user=owner)
    assert Approval.objects.get().alone is True
