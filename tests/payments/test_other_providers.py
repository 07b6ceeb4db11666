"""Providers that are not like the simulator: without idempotency, without a way to ask, with keys that expire, by hint.

Each is the simulator with one thing taken from it; what it did is still in its effect log.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.conf import settings
from django.utils import timezone

from payments.core.money import Money
from payments.models import Discrepancy, Operation, Payment, ProviderEvent, Refund
from payments.providers.base import (
    Capabilities,
    Credentials,
    Outcome,
    ProviderReport,
    ProviderRequest,
    ReportType,
    Result,
    Verb,
    WebhookEvent,
)
from payments.providers.simulator.magic import Ending, magic
from payments.providers.simulator.provider import Simulator
from payments.services import recover
from payments.services.receive import apply_event, receive
from tests.builders import Shop, fresh, open_shop
from tests.simulator import RunningSimulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]


class Forgetful(Simulator):
    """It never had the last refund, says whoever asks it; and it moves money twice for who sends twice."""

    asked: ClassVar[list[ProviderRequest]] = []
    sent: ClassVar[list[ProviderRequest]] = []
    found: ClassVar[Result | None] = Result(Outcome.NOT_SENT, code="not_received")

    def execute(self, call: ProviderRequest, credentials: Credentials) -> Result:
        self.sent.append(call)
        return super().execute(call, credentials)

    def fetch(self, call: ProviderRequest, credentials: Credentials) -> Result:
        self.asked.append(call)
        return self.found or super().fetch(call, credentials)


class WithoutKeys(Forgetful):
    capabilities = replace(Simulator.capabilities, keys_live=timedelta(0), one_at_a_time=True)


class WithShortKeys(Forgetful):
    capabilities = replace(Simulator.capabilities, keys_live=timedelta(minutes=50))


class NeverAsked(Forgetful):
    capabilities = replace(Simulator.capabilities, can_fetch=False, keys_live=timedelta(days=7))


class Hinting(Simulator):
    """Its webhooks are hints, which nobody signs."""

    capabilities: ClassVar[Capabilities] = replace(
        Simulator.capabilities, acknowledgement=lambda body: "TRUE|" + json.loads(body)["payment"]
    )
    truth: ClassVar[Sequence[ProviderReport] | None] = ()
    asked: ClassVar[list[str]] = []
    meanwhile: ClassVar[list[Callable[[], None]]] = []

    def verify(self, body: bytes, headers: Mapping[str, str], credentials: Credentials) -> str:
        return "hint:" + str(json.loads(body)["payment"])

    def parse_webhook(self, body: bytes) -> WebhookEvent:
        told = json.loads(body)
        return WebhookEvent("", (), look_up=told["payment"], operation_id=told.get("operation"), is_proven=False)

    def look_up(self, reference: str, credentials: Credentials) -> Sequence[ProviderReport] | None:
        self.asked.append(reference)
        answer = self.truth
        while self.meanwhile:
            self.meanwhile.pop()()
        return answer


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    for kept in (Forgetful.asked, Forgetful.sent, Hinting.asked, Hinting.meanwhile):
        kept.clear()
    Forgetful.found, Hinting.truth = Result(Outcome.NOT_SENT, code="not_received"), ()


def shop_at(provider: type[Simulator], monkeypatch: pytest.MonkeyPatch) -> Shop:
    path = f"{__name__}.{provider.__name__}"
    monkeypatch.setattr(settings, "PROVIDERS", {**settings.PROVIDERS, "simulator": path})
    return open_shop()


def sweep(times: int = 1) -> None:
    for _ in range(times):
        Operation.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - timedelta(seconds=1))
        recover.recover()


def refund_of(shop: Shop, payment: Payment, amount: int) -> Refund:
    refund: Refund = shop.refund(payment, amount)
    return refund


def operation_of(refund: Refund) -> Operation:
    return Operation.objects.get(refund_part__refund=refund)


class TestWithoutIdempotency:
    def test_a_refund_that_may_have_arrived_is_never_sent_again_without_a_person(
        self, monkeypatch: pytest.MonkeyPatch, simulator: RunningSimulator
    ) -> None:
        shop = shop_at(WithoutKeys, monkeypatch)
        refund = refund_of(shop, shop.pay(50_00), magic(20_00, Ending.ERROR_NOT_DONE))
        sweep(5)
        operation = operation_of(refund)
        assert (operation.outcome, operation.failure_code) == (Outcome.DECLINED, "not_received")
        assert [call.verb for call in WithoutKeys.sent] == [Verb.SALE, Verb.REFUND]
        assert fresh(refund).status == "failed"

    def test_what_certainly_never_left_is_sent_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = shop_at(WithoutKeys, monkeypatch)
        refund = refund_of(shop, shop.pay(50_00), magic(20_00, Ending.RATE_LIMITED))
        sweep(5)
        assert operation_of(refund).outcome == Outcome.SUCCEEDED
        assert WithoutKeys.asked == []

    def test_the_next_refund_of_a_payment_waits_for_the_last_ones_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = shop_at(WithoutKeys, monkeypatch)
        payment = shop.pay(50_00)
        WithoutKeys.found = Result(Outcome.UNKNOWN, code="no_answer")
        first = refund_of(shop, payment, magic(20_00, Ending.ERROR_NOT_DONE))
        sweep(2)
        second = refund_of(shop, payment, 10_00)
        sweep(3)
        assert [operation_of(each).outcome for each in (first, second)] == [Outcome.UNKNOWN, Outcome.NOT_SENT]
        assert operation_of(second).failure_code == "waits_for_another"
        WithoutKeys.found = Result(Outcome.SUCCEEDED, amount=Money(operation_of(first).amount, "EUR"))
        sweep(3)
        assert operation_of(second).outcome == Outcome.SUCCEEDED
        # By what had moved before, the provider's total tells which of the two it was.
        assert [call.moved_before for call in WithoutKeys.sent if call.verb is Verb.REFUND] == [
            Money(0, "EUR"),
            Money(operation_of(first).amount, "EUR"),
        ]


class TestKeysThatExpire:
    def test_within_their_life_it_is_sent_again_under_the_same_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = shop_at(WithShortKeys, monkeypatch)
        refund = refund_of(shop, shop.pay(50_00), magic(20_00, Ending.ERROR_NOT_DONE))
        sweep(4)
        assert operation_of(refund).outcome == Outcome.SUCCEEDED
        assert len({call.operation_id for call in WithShortKeys.sent if call.verb is Verb.REFUND}) == 1

    def test_nothing_older_is_repeated(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = shop_at(WithShortKeys, monkeypatch)
        refund = refund_of(shop, shop.pay(50_00), magic(20_00, Ending.ERROR_NOT_DONE))
        sweep()
        Operation.objects.filter(verb=Verb.REFUND).update(created_at=timezone.now() - timedelta(minutes=51))
        sent = len(WithShortKeys.sent)
        sweep(4)
        assert operation_of(refund).outcome == Outcome.DECLINED
        assert len(WithShortKeys.sent) == sent


class TestThatCannotBeAsked:
    def test_a_refund_is_repeated_under_its_key(
        self, monkeypatch: pytest.MonkeyPatch, simulator: RunningSimulator
    ) -> None:
        shop = shop_at(NeverAsked, monkeypatch)
        refund = refund_of(shop, shop.pay(50_00), magic(20_00, Ending.DROPPED_DONE))
        sweep(3)
        assert operation_of(refund).outcome == Outcome.SUCCEEDED
        assert NeverAsked.asked == []
        account = shop.account("simulator").id
        assert [row["verb"] for row in simulator.effects(account=account)] == ["sale", "refund"]

    def test_a_sale_is_repeated_only_while_its_customer_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = shop_at(NeverAsked, monkeypatch)
        payment = shop.pay(magic(20_00, Ending.ERROR_NOT_DONE))
        Operation.objects.filter(payment=payment).update(created_at=timezone.now() - timedelta(minutes=16))
        sweep(3)
        operation = Operation.objects.get(payment=payment)
        assert (operation.outcome, len(NeverAsked.sent)) == (Outcome.UNKNOWN, 1)
        assert Discrepancy.objects.filter(kind="outcome_unknown").exists()

    def test_what_is_pending_waits_for_its_webhook(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = shop_at(NeverAsked, monkeypatch)
        shop.pay(magic(20_00, Ending.PENDING_SUCCEEDS))
        sweep(3)
        assert (len(NeverAsked.sent), NeverAsked.asked) == (1, [])


class TestHints:
    def hint(self, shop: Shop, payment: str, **more: Any) -> ProviderEvent:
        body = json.dumps({"payment": payment, **more}).encode()
        event_id = receive(shop.account("simulator"), body=body, headers={})
        apply_event(event_id)
        return ProviderEvent.objects.get(id=event_id)

    def total(self, payment: Payment, amount: int) -> tuple[ProviderReport, ...]:
        result = Result(Outcome.SUCCEEDED, payment_reference=payment.provider_reference, amount=Money(amount, "EUR"))
        return (ProviderReport(ReportType.REFUND, result, is_total=True),)

    def test_about_nothing_of_ours_asks_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = shop_at(Hinting, monkeypatch)
        body = json.dumps({"payment": "somebody-elses"}).encode()
        # Anybody can send that, and as much of it as they like: it is answered, and not even stored.
        assert receive(shop.account("simulator"), body=body, headers={}) == ""
        assert (ProviderEvent.objects.count(), Hinting.asked) == (0, [])

    def test_is_followed_each_time_it_comes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two refunds of € 10 at the provider's dashboard look the same; the totals do not."""
        shop = shop_at(Hinting, monkeypatch)
        payment = shop.pay(50_00)
        for total in (10_00, 20_00, 20_00):
            Hinting.truth = self.total(payment, total)
            event = self.hint(shop, str(payment.provider_reference))
        assert (event.status, event.deliveries) == ("applied", 3)
        assert fresh(payment).amount_refunded == 20_00
        assert Refund.objects.count() == 2

    def test_that_comes_again_while_its_answer_is_on_its_way_is_asked_about_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop = shop_at(Hinting, monkeypatch)
        payment = shop.pay(50_00)

        def more_is_refunded() -> None:
            Hinting.truth = self.total(payment, 20_00)
            receive(
                shop.account("simulator"), body=json.dumps({"payment": payment.provider_reference}).encode(), headers={}
            )

        Hinting.truth = self.total(payment, 10_00)
        Hinting.meanwhile.append(more_is_refunded)
        event = self.hint(shop, str(payment.provider_reference))
        assert fresh(payment).amount_refunded == 10_00
        assert event.due_at is not None
        apply_event(event.id)
        assert fresh(payment).amount_refunded == 20_00
        assert fresh(event).due_at is None

    def test_of_a_smaller_total_means_that_a_refund_came_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = shop_at(Hinting, monkeypatch)
        payment = shop.pay(50_00)
        refund = refund_of(shop, payment, 20_00)
        sweep()
        Hinting.truth = self.total(payment, 0)
        self.hint(shop, str(payment.provider_reference))
        assert (fresh(refund).status, fresh(payment).amount_refunded) == ("failed", 0)

    def test_waits_while_the_provider_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = shop_at(Hinting, monkeypatch)
        payment = shop.pay(50_00)
        Hinting.truth = None
        event = self.hint(shop, str(payment.provider_reference))
        assert event.status == "waiting"
        assert event.due_at is not None

    def test_has_what_is_not_answered_looked_at_now(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = shop_at(Hinting, monkeypatch)
        payment = shop.pay(magic(20_00, Ending.REDIRECT))
        Operation.objects.update(due_at=timezone.now() + timedelta(hours=1))
        self.hint(shop, str(payment.provider_reference))
        assert Operation.objects.filter(due_at__lte=timezone.now()).exists()
