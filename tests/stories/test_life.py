"""The whole life of an order, in any order of events, against a model that knows only arithmetic (Hypothesis)."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from payments.audit import check
from payments.core.errors import Conflict, Invalid
from payments.core.ids import new_id
from payments.core.money import Money
from payments.ledger.audit import one_moment, violations
from payments.models import Discrepancy, Order, Payment
from payments.payloads import PAYMENT_RELATED
from payments.providers.base import Outcome, ProviderReport, ReportType, Result
from payments.services.cancel import cancel_payment
from payments.services.capture import capture_payment
from payments.services.record import record
from tests.builders import Shop, open_shop, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]

# Endings 00 and 50 always succeed: whatever fails here fails because a rule says so.
amounts = st.integers(1, 80).map(lambda half: half * 50)


class Life(RuleBasedStateMachine):
    """One order: what it should say is kept in six integers."""

    shop: Shop

    @initialize()
    def a_customer_orders(self) -> None:
        self.name = self.shop.new_order_name()
        self.captured = self.held = self.refunded = self.reserved = self.disputed = 0
        self.cards: list[str] = []
        self.reports: list[tuple[Payment, ProviderReport]] = []
        self.authorized: dict[str, int] = {}
        self.order: Order = self.shop.pay(50, order=None).order
        self.captured = 50
        self.cards.append(self.order.payments.get().id)

    @rule(amount=amounts)
    def pay_by_card(self, amount: int) -> None:
        payment = self.shop.pay(amount, order=self.order)
        assert payment.status == "captured"
        self.captured += amount
        self.cards.append(payment.id)

    @rule(amount=amounts)
    def pay_in_cash(self, amount: int) -> None:
        self.shop.pay_cash(amount, order=self.order)
        self.captured += amount

    @rule(amount=amounts)
    def pay_at_the_terminal(self, amount: int) -> None:
        self.shop.pin(amount, order=self.order)
        self.captured += amount

    @rule(amount=amounts)
    def the_card_is_declined(self, amount: int) -> None:
        assert self.shop.pay(amount + 1 if amount % 100 == 0 else amount + 51, order=self.order).status == "declined"

    @rule(amount=amounts)
    def authorize(self, amount: int) -> None:
        payment = self.shop.pay(amount, order=self.order, manual_capture=True)
        assert payment.status == "authorized"
        self.authorized[payment.id] = amount
        self.held += amount

    @precondition(lambda self: self.authorized)
    @rule(data=st.data(), amount=amounts, final=st.booleans())
    def capture(self, data: Any, amount: int, final: bool) -> None:
        chosen = data.draw(st.sampled_from(sorted(self.authorized)))
        left = self.authorized[chosen]
        if amount > left:
            with pytest.raises((Invalid, Conflict)):
                capture_payment(self._payment(chosen), amount=amount, final=final, actor="tests")
            return
        capture_payment(self._payment(chosen), amount=amount, final=final, actor="tests")
        self.captured += amount
        self.held -= left if final else amount
        self.authorized[chosen] = 0 if final else left - amount
        if not self.authorized[chosen]:
            del self.authorized[chosen]

    @precondition(lambda self: self.authorized)
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        chosen = data.draw(st.sampled_from(sorted(self.authorized)))
        cancel_payment(self._payment(chosen), actor="tests")
        self.held -= self.authorized.pop(chosen)

    @rule(amount=amounts, route=st.sampled_from(["auto", "voucher", "cash"]), in_store=st.booleans())
    def ask_for_a_refund(self, amount: int, route: str, in_store: bool) -> None:
        channel = self.shop.store if in_store or route == "cash" else self.shop.webshop
        if amount > self._refundable:
            with pytest.raises(Invalid) as refused:
                self.shop.refund(self.order, amount, route=route, channel=channel)
            assert refused.value.code == "amount_exceeds_refundable"
            assert refused.value.members["amount_refundable"] == self._refundable
            return
        refund = self.shop.refund(self.order, amount, route=route, channel=channel)
        done = sum(part.amount for part in refund.parts.all() if part.status == "succeeded")
        self.refunded += done
        self.reserved += amount - done

    @rule()
    def the_workers_work(self) -> None:
        work()
        self.refunded += self.reserved
        self.reserved = 0

    @rule(data=st.data(), amount=amounts)
    def the_dashboard_refunds(self, data: Any, amount: int) -> None:
        """A fact: booked even beyond what was paid."""
        self.the_workers_work()  # a refund of ours that has no reference yet would make it wait
        payment = self._payment(data.draw(st.sampled_from(self.cards)))
        self._report(payment, ReportType.REFUND, amount)
        self.refunded += amount

    @rule(data=st.data())
    def a_chargeback_comes(self, data: Any) -> None:
        payment = self._payment(data.draw(st.sampled_from(self.cards)))
        if payment.status != "captured":
            return
        self._report(payment, ReportType.CHARGEBACK_OPENED, payment.amount_captured)
        self.disputed += payment.amount_captured

    @precondition(lambda self: self.reports)
    @rule(data=st.data())
    def a_report_comes_again(self, data: Any) -> None:
        payment, report = data.draw(st.sampled_from(self.reports))
        record(payment.provider_account, [report, report], actor="provider:again")

    @invariant()
    def the_order_says_what_arithmetic_says(self) -> None:
        if not hasattr(self, "order"):
            return
        self.order.refresh_from_db()
        text = (
            self.order.captured,
            self.order.authorized,
            self.order.refunded,
            self.order.refund_reserved,
            self.order.charged_back,
        )
        assert text == (self.captured, self.held, self.refunded, self.reserved, self.disputed)
        assert self.order.refundable == self._refundable
        assert self.order.excess == max(0, self._returned - self.captured)
        discrepancy = Discrepancy.objects.filter(key=f"over_returned:{self.order.id}").exclude(status="resolved")
        assert discrepancy.exists() == bool(self.order.excess)

    def teardown(self) -> None:
        with one_moment():
            assert list(violations([check])) == []

    @property
    def _returned(self) -> int:
        return self.refunded + self.reserved + self.disputed

    @property
    def _refundable(self) -> int:
        return max(0, self.captured - self._returned)

    def _payment(self, payment_id: str) -> Payment:
        return Payment.objects.select_related(*PAYMENT_RELATED).get(id=payment_id)

    def _report(self, payment: Payment, fact: ReportType, amount: int) -> None:
        result = Result(
            outcome=Outcome.SUCCEEDED,
            reference=new_id("sim"),
            payment_reference=payment.provider_reference,
            amount=Money(amount, payment.currency),
        )
        report = ProviderReport(fact=fact, result=result)
        assert record(payment.provider_account, [report], actor="provider:tests").waiting == []
        self.reports.append((payment, report))


@pytest.fixture
def machine() -> type[Life]:
    """A shop for all the lives of one run, whose till has cash enough for all of them.

    They share it: what one life takes out would otherwise be missing in the next, and the same steps end otherwise.
    """
    Life.shop = open_shop(refund_fallback="voucher")
    Life.shop.pay_cash(1_000_000_00)
    return Life


def test_no_order_of_events_breaks_the_arithmetic(machine: type[Life]) -> None:
    size = settings(
        max_examples=int(os.environ.get("LIVES", "25")),
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=size)
