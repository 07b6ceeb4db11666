"""Deciding a refund: what it holds, books and tells, and what cannot be decided."""

import pytest
from django.db import IntegrityError, transaction

from payments import payloads
from payments.core.errors import Conflict, Invalid
from payments.core.ids import new_id
from payments.models import Operation, Order, RefundPart, StatisticDelta, Transition
from payments.notify.models import Event
from payments.providers.base import Outcome, Result
from payments.services import create_setup
from payments.services.card_present.types import Device
from payments.services.record import record_answer
from payments.services.refunds.cancel import cancel_refund
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.release import release_bank_part
from tests.builders import Shop, fresh, only, open_shop
from tests.people.cast import finance_of

pytestmark = pytest.mark.django_db

ANNA = BankAccount(iban="NL91ABNA0417164300", name="A. de Vries")


@pytest.fixture
def shop() -> Shop:
    """One that gives a voucher where nothing else is left."""
    return open_shop(refund_fallback="voucher")


def events(shop: Shop, *, about: str = "refund.") -> list[str]:
    rows = Event.objects.filter(merchant_id=shop.merchant.id, type__startswith=about).order_by("id")
    return list(rows.values_list("type", flat=True))


def figures(shop: Shop) -> dict[str, int]:
    names = ("refunds_count", "refunds_amount")
    return {name: sum(StatisticDelta.objects.values_list(name, flat=True)) for name in names}


class TestByVoucher:
    def test_it_is_done_at_once_and_its_code_is_shown_once(self, shop: Shop) -> None:
        payment = shop.pin(5000)
        made = shop.request_refund(payment.order, 2000)
        refund = made.refund
        (part,) = refund.parts.all()
        assert (refund.status, part.status, part.route) == ("succeeded", "succeeded", "voucher")
        assert made.voucher_code is not None
        assert part.voucher is not None
        assert part.voucher.balance == 2000
        assert made.voucher_code not in str(payloads.refund(fresh(refund)))
        assert made.voucher_code not in str(Event.objects.values_list("data", flat=True))

    def test_the_balances_follow(self, shop: Shop) -> None:
        payment = shop.pin(5000)
        shop.refund(payment.order, 2000)
        order = fresh(payment.order)
        assert (order.captured, order.refunded, order.refund_reserved, order.refundable) == (5000, 2000, 0, 3000)
        assert (fresh(payment).amount_refunded, fresh(payment).refundable) == (2000, 3000)

    def test_the_return_is_booked_where_the_goods_came_back(self, shop: Shop) -> None:
        shop.refund(shop.pin(5000).order, 2000, channel=shop.webshop)
        books = shop.books()
        assert books[f"takings:{shop.store.id}"] == -5000
        assert books[f"returns:{shop.webshop.id}"] == 2000
        assert only(books, "vouchers", "refunds_payable") == {"vouchers": -2000, "refunds_payable": 0}

    def test_it_counts_where_and_as_what_it_came_back(self, shop: Shop) -> None:
        shop.refund(shop.pin(5000).order, 2000, channel=shop.webshop)
        delta = StatisticDelta.objects.get(refunds_count=1)
        assert (delta.channel_id, delta.refunds_amount) == (shop.webshop.id, 2000)
        assert (delta.method, delta.origin, delta.brand) == ("card", "in_store", "maestro")

    def test_every_move_has_its_actor(self, shop: Shop) -> None:
        refund = shop.refund(shop.pin(5000).order)
        moves = Transition.objects.filter(object_id__in=[refund.id, refund.parts.get().id]).order_by("id")
        assert [(row.from_status, row.to_status, row.actor) for row in moves] == [
            ("queued", "succeeded", "tests"),
            ("pending", "succeeded", "tests"),
        ]
        assert events(shop) == ["refund.pending", "refund.succeeded"]

    def test_several_tenders_share_one_voucher(self, shop: Shop) -> None:
        first = shop.pin(1000)
        shop.pin(2000, order=first.order)
        refund = shop.refund(first.order)
        assert {part.voucher_id for part in refund.parts.all()} == {refund.parts.all()[0].voucher_id}
        assert [part.amount for part in refund.parts.all()] == [2000, 1000]
        assert shop.books()["vouchers"] == -3000
        assert figures(shop) == {"refunds_count": 1, "refunds_amount": 3000}

    def test_what_was_paid_by_voucher_fills_it_again(self, shop: Shop) -> None:
        voucher = shop.voucher(3000)
        payment = shop.pay(2500, method="voucher", voucher_code=voucher.code)
        made = shop.request_refund(payment.order, 1000)
        assert (made.refund.parts.get().route, made.voucher_code) == ("original", None)
        assert fresh(voucher.voucher).balance == 1500
        assert shop.books()["vouchers"] == -1500


class TestInCash:
    def test_the_till_pays_what_coins_can(self, shop: Shop) -> None:
        refund = shop.refund(shop.pay_cash(2000).order, 1002, channel=shop.store)
        assert (refund.status, refund.parts.get().rounding) == ("succeeded", -2)
        books = shop.books()
        assert (books[f"till:{shop.store.id}"], books["rounding"]) == (1000, -2)

    def test_a_cent_that_no_coin_exists_for_is_rounding_alone(self, shop: Shop) -> None:
        shop.refund(shop.pay_cash(2000).order, 2, channel=shop.store)
        books = shop.books()
        assert (books[f"till:{shop.store.id}"], books["rounding"]) == (2000, -2)


class TestByBank:
    def test_it_holds_its_amount_until_a_person_releases_it(self, shop: Shop) -> None:
        payment = shop.pin(5000)
        refund = shop.refund(payment.order, 2000, bank_account=ANNA)
        assert (refund.status, refund.parts.get().status) == ("pending", "pending")
        assert fresh(payment.order).refundable == 3000
        assert only(shop.books(), "refunds_payable", "returns") == {"refunds_payable": -2000, "returns": 2000}

        released = release_bank_part(refund.parts.get(), user=finance_of(refund.merchant_id))
        assert (released.status, released.parts.get().released_at is not None) == ("succeeded", True)
        assert only(shop.books(), "refunds_payable", "in_transit") == {"refunds_payable": 0, "in_transit": -2000}

    def test_it_is_released_once(self, shop: Shop) -> None:
        refund = shop.refund(shop.pin(5000).order, bank_account=ANNA)
        release_bank_part(refund.parts.get(), user=finance_of(refund.merchant_id))
        with pytest.raises(Conflict) as refused:
            release_bank_part(refund.parts.get(), user=finance_of(refund.merchant_id))
        assert refused.value.code == "transfer_not_releasable"

    def test_the_bank_returns_it(self, shop: Shop) -> None:
        payment = shop.pin(5000)
        refund = shop.refund(payment.order, 2000, bank_account=ANNA)
        release_bank_part(refund.parts.get(), user=finance_of(refund.merchant_id))
        operation = Operation.objects.select_related("provider_account__merchant").get(refund_part__refund=refund)
        record_answer(operation, Result(Outcome.DECLINED, code="transfer_returned"), actor="system:reconciliation")
        assert (fresh(refund).status, fresh(payment.order).refundable) == ("failed", 5000)
        assert only(shop.books(), "refunds_payable", "in_transit") == {"refunds_payable": -2000, "in_transit": 0}

    def test_the_account_number_is_kept_encrypted_and_told_nobody(self, shop: Shop) -> None:
        refund = shop.refund(shop.pin(5000).order, bank_account=ANNA)
        with transaction.get_connection().cursor() as cursor:
            cursor.execute("SELECT bank_account FROM payments_refundpart WHERE refund_id = %s", [refund.id])
            (stored,) = cursor.fetchone()
        assert ANNA.iban not in stored
        assert ANNA.iban in refund.parts.get().bank_account
        assert ANNA.iban not in str(list(Event.objects.values_list("data", flat=True)))


def test_a_live_merchant_needs_no_set_up_to_give_back_by_bank() -> None:
    """Transfers, tills and vouchers are our own books: they need no contract with anybody."""
    merchant = create_setup.create_merchant(name="Real", mode="live", actor="tests")
    store = create_setup.create_channel(merchant=merchant, kind="in_store", name="Real Utrecht", actor="tests")
    pin = create_setup.create_provider_account(
        merchant=merchant, provider="external", name="PIN", currency="EUR", actor="tests"
    )
    device = Device(terminal_id=new_id("trm"), label="Till 1", series=1, channel=store, account=pin)
    shop = Shop(merchant=merchant, webshop=store, store=store, terminal=device)
    made = shop.refund(shop.pin(5000).order, 2000, bank_account=ANNA)
    assert (made.status, made.parts.get().route) == ("pending", "bank")


class TestInEveryCurrency:
    """With none, two and three decimals, by every route, down to the last minor unit."""

    @pytest.mark.parametrize("currency", ["JPY", "USD", "KWD"])
    def test_all_of_it_goes_back(self, shop: Shop, currency: str) -> None:
        order = shop.pin(10_001, currency=currency).order
        terminal = {"route": "terminal", "terminal_id": shop.terminal.terminal_id, "channel": shop.store}
        refunds = [
            shop.refund(order, 3_333, route="bank", bank_account=ANNA),
            shop.refund(order, 3_333, route="voucher"),
            shop.refund(order, 1_111, route="cash", channel=shop.store),
            shop.refund(order, 2_224, **terminal),
        ]
        release_bank_part(refunds[0].parts.get(), user=finance_of(refunds[0].merchant_id))
        with pytest.raises(Invalid) as refused:
            shop.refund(order, 1, route="voucher")
        assert refused.value.members == {"amount_refundable": 0, "currency": currency}
        shop.pin_back(2_224, order.payments.get(), currency=currency)
        assert {fresh(refund).status for refund in refunds} == {"succeeded"}
        after = fresh(order)
        assert isinstance(after, Order)
        assert (after.refunded, after.refund_reserved, after.excess) == (10_001, 0, 0)
        assert only(shop.books(), "takings", "returns", "refunds_payable", "vouchers", "till", "rounding") == {
            "takings": -10_001,
            "returns": 10_001,
            "refunds_payable": 0,
            "vouchers": -3_333,
            "till": -1_111,
            "rounding": 0,
        }


class TestByTerminal:
    def test_it_waits_for_the_terminal(self, shop: Shop) -> None:
        fields = {"route": "terminal", "terminal_id": shop.terminal.terminal_id}
        refund = shop.refund(shop.pin(5000).order, 1000, channel=shop.store, **fields)
        part = refund.parts.get()
        operation = part.operations.get()
        assert (refund.status, part.status, part.terminal_id) == ("pending", "queued", shop.terminal.terminal_id)
        assert (operation.executor, operation.outcome, operation.due_at) == ("terminal", None, None)


class TestTips:
    def test_goods_are_given_back_before_the_tip(self, shop: Shop) -> None:
        payment = shop.pin(1200, tip=200)
        refunds = [shop.refund(payment.order, amount) for amount in (900, 200, 100)]
        assert [refund.parts.get().tip for refund in refunds] == [0, 100, 100]
        assert only(shop.books(), "tips", "takings", "returns") == {"tips": 0, "takings": -1000, "returns": 1000}


class TestLimits:
    def test_more_than_is_left_is_refused(self, shop: Shop) -> None:
        order = shop.pin(5000).order
        shop.refund(order, 3000)
        with pytest.raises(Invalid) as refused:
            shop.refund(order, 2001)
        assert refused.value.code == "amount_exceeds_refundable"
        assert refused.value.members == {"amount_refundable": 2000, "currency": "EUR"}
        assert order.refunds.count() == 1

    def test_nothing_is_left_after_everything(self, shop: Shop) -> None:
        order = shop.pin(5000).order
        shop.refund(order)
        with pytest.raises(Invalid) as refused:
            shop.refund(order)
        assert refused.value.members["amount_refundable"] == 0

    def test_one_balance_over_two_tenders(self, shop: Shop) -> None:
        card = shop.pin(1000)
        cash = shop.pay_cash(4000, order=card.order)
        shop.refund(card)
        with pytest.raises(Invalid):
            shop.refund(card)
        assert shop.refund(cash, channel=shop.store).amount == 4000

    def test_the_database_refuses_what_the_code_would_let_pass(self, shop: Shop) -> None:
        order = shop.pin(5000).order
        with pytest.raises(IntegrityError, match="order_never_returns_more"), transaction.atomic():
            Order.objects.filter(id=order.id).update(refund_reserved=5001)

    def test_what_the_database_refuses_is_told_like_what_the_code_refuses(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = shop.pin(5000).order
        before = shop.books()
        monkeypatch.setattr("payments.services.refunds.plan.check_refundable", lambda *_, **__: None)
        with pytest.raises(Invalid) as refused:
            shop.refund(order, 5001, allocation="proportional")
        assert refused.value.code == "amount_exceeds_refundable"
        assert refused.value.members == {"amount_refundable": 5000, "currency": "EUR"}
        assert shop.books() == before
        assert not order.refunds.exists()


class TestExchange:
    def test_what_came_back_pays_for_the_new_order(self, shop: Shop) -> None:
        old = shop.pin(3000).order
        new = shop.pay_cash(500, order_total=3500).order
        refund = shop.refund(old, exchange_for=new, channel=shop.store)
        new = fresh(new)
        assert (refund.status, new.captured, new.unpaid) == ("succeeded", 3500, 0)
        assert only(shop.books(), "takings", "returns", "vouchers", "refunds_payable") == {
            "takings": -6500,
            "returns": 3000,
            "vouchers": 0,
            "refunds_payable": 0,
        }

    def test_what_the_new_order_does_not_need_stays_on_the_voucher(self, shop: Shop) -> None:
        new = shop.pay_cash(500, order_total=1500).order
        made = shop.request_refund(shop.pin(3000).order, exchange_for=new, channel=shop.store)
        voucher = made.refund.parts.get().voucher
        assert voucher is not None
        assert (fresh(new).unpaid, voucher.balance) == (0, 2000)
        assert made.voucher_code is not None

    def test_an_exchange_given_back_goes_where_it_came_from(self, shop: Shop) -> None:
        new = shop.pay_cash(500, order_total=3500).order
        exchange = shop.refund(shop.pin(3000).order, exchange_for=new, channel=shop.store)
        shop.refund(new, channel=shop.store)
        voucher = exchange.parts.get().voucher
        assert voucher is not None
        assert fresh(voucher).balance == 3000

    def test_nothing_is_due(self, shop: Shop) -> None:
        paid = shop.pay_cash(500, order_total=500).order
        with pytest.raises(Invalid) as refused:
            shop.refund(shop.pin(3000).order, exchange_for=paid, channel=shop.store)
        assert (refused.value.code, refused.value.param) == ("amount_exceeds_due", "exchange_for")

    def test_an_order_is_not_exchanged_for_itself(self, shop: Shop) -> None:
        order = shop.pin(3000).order
        with pytest.raises(Invalid):
            shop.refund(order, exchange_for=order)


class TestCanceling:
    def test_a_transfer_that_was_not_released(self, shop: Shop) -> None:
        payment = shop.pin(5000)
        refund = shop.refund(payment.order, 2000, bank_account=ANNA)
        canceled = cancel_refund(refund, actor="tests")
        assert (canceled.status, canceled.parts.get().status) == ("canceled", "canceled")
        assert (fresh(payment.order).refundable, fresh(payment).refundable) == (5000, 5000)
        assert only(shop.books(), "refunds_payable", "returns") == {"refunds_payable": 0, "returns": 0}
        assert figures(shop) == {"refunds_count": 0, "refunds_amount": 0}
        assert events(shop) == ["refund.pending", "refund.canceled"]

    @pytest.mark.parametrize("released", [True, False])
    def test_what_may_have_left_is_not_canceled(self, shop: Shop, released: bool) -> None:
        refund = shop.refund(shop.pin(5000).order, bank_account=ANNA if released else None)
        if released:
            release_bank_part(refund.parts.get(), user=finance_of(refund.merchant_id))
        with pytest.raises(Conflict) as refused:
            cancel_refund(refund, actor="tests")
        assert refused.value.code == "refund_not_cancelable"
        assert fresh(refund).status == "succeeded"

    def test_a_part_that_left_stays_while_the_other_is_given_up(self, shop: Shop) -> None:
        card = shop.pin(1000)
        shop.pay_cash(500, order=card.order)
        refund = shop.refund(card.order, channel=shop.store, bank_account=ANNA)
        assert [part.route for part in refund.parts.all()] == ["cash", "bank"]
        canceled = cancel_refund(refund, actor="tests")
        assert canceled.status == "succeeded"
        assert [part.status for part in canceled.parts.all()] == ["succeeded", "canceled"]
        assert figures(shop) == {"refunds_count": 1, "refunds_amount": 500}

    def test_twice_is_once(self, shop: Shop) -> None:
        refund = shop.refund(shop.pin(5000).order, bank_account=ANNA)
        cancel_refund(refund, actor="tests")
        with pytest.raises(Conflict):
            cancel_refund(refund, actor="tests")
        assert RefundPart.objects.get(refund=refund).times_given_up == 1
