"""Refunds and disputes of one order, answered in any order, late, twice and in contradiction (Hypothesis).

Here the audit is the model: whatever happens, sums, deeds and open items explain each other, and nothing crashes.
"""

import contextlib
import os
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from payments import audit
from payments.core.bank_days import bank_day_from
from payments.core.errors import Conflict, Invalid
from payments.core.money import Money
from payments.models import Operation, Order, Payment, RefundPart, StatisticDelta
from payments.people.models import User
from payments.providers.base import Outcome, ProviderReport, ReportType, Result
from payments.services.orders import OrderName
from payments.services.record import record, record_answer
from payments.services.refunds.cancel import cancel_refund
from payments.services.refunds.exchange import ExchangeRequest, exchange
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.release import release_bank_part
from payments.services.transfer_batches import release
from payments.services.transfer_batches.candidates import sorted_out
from payments.services.transfer_batches.prepare import prepare_batch
from payments.services.voucher import VoucherRequest, create_voucher
from tests.builders import BY, Shop, fresh, open_shop
from tests.people.cast import finance_of, person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]

OURS = "NL44RABO0123456789"
ANNA = BankAccount(iban="NL91ABNA0417164300", name="A. de Vries")
amounts = st.integers(1, 40).map(lambda half: half * 50)
moments = st.integers(-60, 60)
DISPUTES = [
    ReportType.CHARGEBACK_INQUIRY,
    ReportType.CHARGEBACK_OPENED,
    ReportType.CHARGEBACK_WON,
    ReportType.CHARGEBACK_LOST,
]


class Life(RuleBasedStateMachine):
    """One order of 30.00 by card, 20.00 by PIN, 10.00 in cash and 10.00 by voucher."""

    shop: Shop

    @initialize(currency=st.sampled_from(["EUR", "EUR", "JPY", "KWD"]), known=st.booleans())
    def a_customer_pays_in_four_ways(self, currency: str, known: bool) -> None:
        """In a currency with 0, 2 or 3 decimals; maybe from an account that is known, to which a failed part goes on."""
        card = self.shop.pay(3000, currency=currency)
        self.card, self.currency, self.exchanged = card.id, currency, 0
        if known:
            Payment.objects.filter(id=card.id).update(payer_account=ANNA.stored())
        self.order: Order = card.order
        self.shop.pin(2000, order=self.order, currency=currency)
        self.shop.pay_cash(1000, order=self.order, currency=currency)
        made = create_voucher(VoucherRequest(merchant=self.shop.merchant, amount=Money(1500, currency)), actor=BY)
        self.shop.pay(1000, method="voucher", voucher_code=made.code, order=self.order, currency=currency)

    @rule(
        amount=st.none() | amounts,
        route=st.sampled_from(["auto", "original", "terminal", "bank", "voucher", "cash"]),
        allocation=st.sampled_from(["last_paid_first", "proportional"]),
        in_store=st.booleans(),
        terminal=st.booleans(),
        fallback=st.sampled_from(["none", "voucher"]),
    )
    def somebody_asks_for_a_refund(
        self, amount: int | None, route: str, allocation: str, in_store: bool, terminal: bool, fallback: str
    ) -> None:
        """With the rule that the merchant has today."""
        self.shop.merchant.refund_fallback = fallback
        self.shop.merchant.save()
        more: dict[str, Any] = {"bank_account": ANNA} if route == "bank" else {}
        if terminal:
            more["terminal_id"] = self.shop.terminal.terminal_id
        channel = self.shop.store if in_store else self.shop.webshop
        with contextlib.suppress(Invalid):
            refund = self.shop.refund(self.order, amount, route=route, allocation=allocation, channel=channel, **more)
            given = {part.route for part in refund.parts.all()}
            assert "voucher" not in given or route == "voucher" or fallback == "voucher"

    @rule(data=st.data(), outcome=st.sampled_from(list(Outcome)), later=moments)
    def a_provider_answers(self, data: st.DataObject, outcome: Outcome, later: int) -> None:
        """Also what was answered, canceled, released or given up before."""
        rows = Operation.objects.filter(verb="refund", refund_part__refund__order=self.order)
        requested = list(rows.exclude(executor="recorded").select_related("provider_account__merchant").order_by("id"))
        if requested:
            at = timezone.now() + timedelta(seconds=later)
            operation = data.draw(st.sampled_from(requested))
            record_answer(operation, Result(outcome, reference=f"p_{operation.id}", occurred_at=at), actor="provider")

    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        refunds = list(self.order.refunds.order_by("id"))
        if refunds:
            with contextlib.suppress(Conflict):
                cancel_refund(data.draw(st.sampled_from(refunds)), actor="tests")

    @rule()
    def finance_releases_the_transfers(self) -> None:
        for part in RefundPart.objects.filter(refund__order=self.order, route="bank", status="pending", batch=None):
            release_bank_part(part, user=finance_of(part.refund.merchant_id))

    @rule(approved=st.booleans())
    def finance_sends_the_transfers_to_the_bank(self, approved: bool) -> None:
        fitting, _left_out = sorted_out(self.shop.merchant)
        if fitting:
            batch = prepare_batch(
                merchant=self.shop.merchant,
                iban=OURS,
                part_ids=[part.id for part in fitting],
                execute_on=bank_day_from(self.shop.merchant.business_day(timezone.now())),
                user=finance_of(self.shop.merchant.id),
            )
            release.decide(batch.id, user=_second(self.shop), approved=approved, note="")

    @rule(returned=amounts, total=amounts)
    def something_else_is_taken_along(self, returned: int, total: int) -> None:
        self.exchanged += 1
        request = ExchangeRequest(
            order=self.order,
            channel=self.shop.store,
            returned=returned,
            new_order=OrderName(reference=f"{self.order.id}/{self.exchanged}"),
            total=total,
            reason="Too small.",
        )
        with contextlib.suppress(Invalid, Conflict):
            done = exchange(request, actor="tests")
            assert fresh(done.order).captured == min(returned, total)

    @rule(amount=amounts)
    def the_terminal_gives_back(self, amount: int) -> None:
        pin = self.order.payments.get(origin="in_store", method="card")
        self.shop.pin_back(amount, pin, currency=self.currency)

    @rule(number=st.integers(1, 2), fact=st.sampled_from(DISPUTES), amount=amounts, later=moments)
    def the_bank_of_the_card_says(self, number: int, fact: ReportType, amount: int, later: int) -> None:
        card = self.order.payments.select_related("provider_account__merchant").get(id=self.card)
        result = Result(
            Outcome.SUCCEEDED,
            reference=f"dispute_{card.id}_{number}",
            payment_reference=card.provider_reference,
            amount=Money(amount, self.currency),
            occurred_at=timezone.now() + timedelta(seconds=later),
        )
        record(card.provider_account, [ProviderReport(fact=fact, result=result)], actor="provider")

    @invariant()
    def everything_explains_everything(self) -> None:
        if not hasattr(self, "order"):
            return
        assert list(audit.check()) == []
        order: Order = fresh(self.order)
        returned = order.refunded + order.refund_reserved + order.charged_back
        assert order.excess == max(0, returned - order.captured)
        assert order.refundable == max(0, order.captured - returned)

    @invariant()
    def the_statistics_count_what_stands(self) -> None:
        if not hasattr(self, "order"):
            return
        rows = StatisticDelta.objects.filter(merchant_id=self.shop.merchant.id)
        counted = [sum(column) for column in zip(*rows.values_list("refunds_count", "refunds_amount"), strict=True)]
        parts = RefundPart.objects.filter(refund__merchant=self.shop.merchant).exclude(status="canceled")
        still_open = list(parts.values_list("refund_id", "amount"))
        assert counted == [len({refund_id for refund_id, _ in still_open}), sum(amount for _, amount in still_open)]


def _second(shop: Shop) -> User:
    """Another one in finance than who prepares batches."""
    name = f"second of {shop.merchant.id}"
    user = User.objects.filter(username=name).first() or person(name, shop.merchant.id)
    user.second_factor_at = timezone.now()
    return user


@pytest.fixture
def machine() -> type[Life]:
    """A shop for all the lives of one run."""
    Life.shop = open_shop(iban=OURS)
    return Life


def test_no_answer_breaks_the_books(machine: type[Life]) -> None:
    size = settings(
        max_examples=int(os.environ.get("LIVES", "15")),
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=size)
