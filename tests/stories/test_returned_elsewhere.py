"""Bought in one place, brought back in another; and what may still happen to the money on its way."""

from typing import Any

import pytest

from payments.core.errors import Invalid
from payments.models import Discrepancy, Operation, Payment, Refund, StatisticDelta
from payments.providers.base import Outcome, Result
from payments.services.receive import apply_event, receive
from payments.services.record import record_answer
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.release import release_bank_part
from tests.builders import Shop, fresh, only, open_shop, work
from tests.people.cast import finance_of
from tests.simulator import Receiver, RunningSimulator, eventually

pytestmark = pytest.mark.django_db(transaction=True)

ANNA = BankAccount(iban="NL91ABNA0417164300", name="A. de Vries")


@pytest.fixture
def shop(receiver: Receiver, settings: Any) -> Shop:
    """The simulator's webhooks land at `receiver`."""
    settings.PUBLIC_URL = receiver.url
    return open_shop()


def refunds_by_channel(shop: Shop) -> dict[str, tuple[int, int]]:
    """How many refunds, and how much, in the webshop and in the store."""
    rows = StatisticDelta.objects.values_list("channel_id", "refunds_count", "refunds_amount")
    return {
        name: (
            sum(count for channel_id, count, _ in rows if channel_id == channel.id),
            sum(amount for channel_id, _, amount in rows if channel_id == channel.id),
        )
        for name, channel in (("webshop", shop.webshop), ("store", shop.store))
    }


class Mailbox:
    """The webhooks that the simulator sends, given to the service that the address of webhooks calls."""

    def __init__(self, shop: Shop, receiver: Receiver) -> None:
        self.account = shop.account("simulator")
        self.receiver = receiver
        self.taken = 0

    def take_in(self) -> None:
        """Take in what has landed since the last time."""
        landed = self.receiver.landed[self.taken :]
        self.taken += len(landed)
        for webhook in landed:
            apply_event(receive(self.account, body=webhook.body, headers=webhook.headers))

    def until_status(self, refund: Refund, status: str) -> bool:
        self.take_in()
        found: Refund = fresh(refund)
        return found.status == status

    def until_refunded(self, payment: Payment, amount: int) -> bool:
        self.take_in()
        found: Payment = fresh(payment)
        return found.amount_refunded == amount


@pytest.fixture
def mailbox(shop: Shop, receiver: Receiver) -> Mailbox:
    return Mailbox(shop, receiver)


def test_bought_in_the_webshop_and_brought_back_to_the_counter(shop: Shop, simulator: RunningSimulator) -> None:
    """The money goes back the way it came, though the store has never seen the card."""
    payment = shop.pay(7500)
    refund = shop.refund(payment.order, 2500, channel=shop.store, operator="Bram", reason="Too small.")
    assert [part.route for part in refund.parts.all()] == ["original"]

    work()
    assert fresh(refund).status == "succeeded"
    movements = simulator.effects(account=payment.provider_account_id)
    assert [(row["verb"], row["amount"]) for row in movements] == [("sale", 7500), ("refund", 2500)]
    books = shop.books()
    assert books[f"takings:{shop.webshop.id}"] == -7500
    assert books[f"returns:{shop.store.id}"] == 2500
    assert books[f"receivable:{payment.provider_account_id}"] == 5000
    assert refunds_by_channel(shop) == {"webshop": (0, 0), "store": (1, 2500)}


def test_paid_by_pin_and_sent_back_to_the_webshop_for_a_voucher(shop: Shop) -> None:
    """The card is not there, and nobody gave a bank account: only where the customer wants it is it a voucher."""
    sale = shop.pin(4000)
    with pytest.raises(Invalid, match="route_required"):
        shop.refund(sale.order, channel=shop.webshop)
    made = shop.request_refund(sale.order, channel=shop.webshop, route="voucher")
    refund = made.refund
    part = refund.parts.get()
    assert (refund.status, part.route, part.reasons) == ("succeeded", "voucher", [])

    again = shop.pay(4000, method="voucher", voucher_code=made.voucher_code, channel=shop.store)
    assert again.status == "captured"
    assert only(shop.books(), "takings", "returns", "vouchers", "refunds_payable") == {
        "takings": -8000,
        "returns": 4000,
        "vouchers": 0,
        "refunds_payable": 0,
    }
    assert refunds_by_channel(shop) == {"webshop": (1, 4000), "store": (0, 0)}


def test_paid_by_pin_and_sent_back_to_the_webshop_for_a_transfer(shop: Shop) -> None:
    """It holds its amount at once, leaves when a person releases it, and is owed again when the bank returns it."""
    sale = shop.pin(4000)
    refund = shop.refund(sale.order, 1500, channel=shop.webshop, bank_account=ANNA)
    assert (refund.status, fresh(sale.order).refundable) == ("pending", 2500)

    release_bank_part(refund.parts.get(), user=finance_of(refund.merchant_id))
    assert fresh(refund).status == "succeeded"

    operation = Operation.objects.select_related("provider_account__merchant").get(refund_part__refund=refund)
    record_answer(operation, Result(Outcome.DECLINED, code="transfer_returned"), actor="system:reconciliation")
    assert (fresh(refund).status, fresh(sale.order).refundable) == ("failed", 4000)
    assert only(shop.books(), "refunds_payable") == {"refunds_payable": -1500}

    instead = shop.refund(sale.order, 1500, channel=shop.webshop, route="voucher")
    assert (fresh(refund).status, instead.status) == ("canceled", "succeeded")
    assert only(shop.books(), "refunds_payable", "returns", "vouchers") == {
        "refunds_payable": 0,
        "returns": 1500,
        "vouchers": -1500,
    }


@pytest.mark.parametrize(
    ("allocation", "shares"),
    [
        ("last_paid_first", [("cash", "cash", 2000), ("card", "original", 1000)]),
        ("proportional", [("cash", "cash", 667), ("card", "original", 1667), ("card", "terminal", 666)]),
    ],
)
def test_paid_in_three_ways_and_brought_back_together(
    shop: Shop, simulator: RunningSimulator, allocation: str, shares: list[tuple[str, str, int]]
) -> None:
    """By PIN 20.00, online 50.00 and in cash 20.00: each part goes its own way, and none is lost."""
    order = shop.pin(2000).order
    shop.pay(5000, order=order)
    shop.pay_cash(2000, order=order)
    at_the_till = shop.terminal.terminal_id
    refund = shop.refund(order, 3000, channel=shop.store, allocation=allocation, terminal_id=at_the_till)
    parts = refund.parts.select_related("payment")
    assert [(part.payment.method, part.route, part.amount) for part in parts if part.payment] == shares
    work()
    if allocation == "proportional":
        assert fresh(refund).status == "pending"
        shop.pin_back(666, order.payments.get(origin="in_store", method="card"))
    assert fresh(refund).status == "succeeded"
    assert fresh(order).refunded == 3000
    assert only(shop.books(), "refunds_payable", "returns") == {"refunds_payable": 0, "returns": 3000}


def test_a_refund_that_comes_back_goes_by_another_way(
    shop: Shop, simulator: RunningSimulator, mailbox: Mailbox
) -> None:
    """The provider paid it, and two seconds later the customer's bank sent it back."""
    payment = shop.pay(5000)
    refund = shop.refund(payment.order, 1031, channel=shop.store)
    work()
    assert fresh(refund).status == "succeeded"
    eventually(lambda: mailbox.until_status(refund, "failed"))
    assert fresh(payment).refundable == 5000
    assert only(shop.books(), "refunds_payable", "receivable") == {"refunds_payable": -1031, "receivable": 5000}

    instead = shop.refund(payment.order, 1031, channel=shop.store, route="cash")
    assert (fresh(refund).status, instead.status) == ("canceled", "succeeded")
    books = shop.books()
    assert only(books, "refunds_payable", "returns", "rounding") == {
        "refunds_payable": 0,
        "returns": 1031,
        "rounding": -1,
    }
    assert books[f"till:{shop.store.id}"] == -1030


def test_the_dashboard_gives_back_what_the_counter_gave_back_before(
    shop: Shop, simulator: RunningSimulator, mailbox: Mailbox
) -> None:
    """Nothing stops a colleague at the provider's dashboard; it is booked as it happened, and finance is told."""
    payment = shop.pay(5000)
    shop.refund(payment.order, 4000, channel=shop.store, route="cash")
    simulator.post("/dashboard/refunds", payment_reference=fresh(payment).provider_reference, amount=3000)
    eventually(lambda: mailbox.until_refunded(payment, 7000))
    order = fresh(payment.order)
    assert (order.refunded, order.excess, order.refundable) == (7000, 2000, 0)
    discrepancy = Discrepancy.objects.get(kind="over_returned")
    assert (discrepancy.amount, discrepancy.status) == (2000, "open")
    mailbox.taken = 0
    mailbox.take_in()
    assert fresh(payment).amount_refunded == 7000


def test_our_own_refund_told_by_its_webhook_before_the_answer(
    shop: Shop, simulator: RunningSimulator, mailbox: Mailbox
) -> None:
    """The simulator sends the webhook first; it is one refund all the same."""
    payment = shop.pay(5000)
    refund = shop.refund(payment.order, 1040)
    work()
    eventually(lambda: mailbox.until_status(refund, "succeeded"))
    mailbox.take_in()
    assert (fresh(payment).amount_refunded, payment.order.refunds.count()) == (1040, 1)
    refunds = [row for row in simulator.effects(account=payment.provider_account_id) if row["verb"] == "refund"]
    assert [row["amount"] for row in refunds] == [1040]


def test_the_customer_disputes_what_was_given_back(shop: Shop, simulator: RunningSimulator, mailbox: Mailbox) -> None:
    """Refunded in cash at the counter, and charged back at the card's bank as well: two seconds later, and lost."""
    payment = shop.pay(5033)
    shop.refund(payment.order, channel=shop.store, route="cash")

    def lost() -> bool:
        mailbox.take_in()
        return payment.chargebacks.filter(status="lost").exists()

    eventually(lost)
    order = fresh(payment.order)
    assert (order.refunded, order.charged_back, order.excess) == (5033, 5033, 5033)
    assert Discrepancy.objects.get(kind="over_returned").amount == 5033
    assert only(shop.books(), "chargebacks", "disputed", "receivable") == {
        "chargebacks": 5033,
        "disputed": 0,
        "receivable": 0,
    }
