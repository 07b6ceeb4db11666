"""Webhooks that come in: what only repeats an answer is done with at once, all else is left to the workers."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from payments.core.errors import OnetillError
from payments.models import Operation, Payment, ProviderEvent
from payments.notify import signing
from payments.providers.base import Outcome, ReportType
from payments.providers.simulator.provider import Simulator
from payments.providers.simulator.wire import Event, Happening
from payments.services.receive import apply_event, receive
from tests.builders import Shop, fresh, open_shop
from tests.simulator import RunningSimulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def sale_event(shop: Shop, payment: Payment, **differently: Any) -> ProviderEvent:
    """The shop's simulator tells of the payment's sale, signed."""
    operation = Operation.objects.get(payment=payment, verb="sale")
    facts: dict[str, Any] = {
        "fact": ReportType.SALE,
        "outcome": Outcome.SUCCEEDED,
        "reference": operation.provider_reference or "sim_sal_x",
        "amount": payment.amount,
        "currency": "EUR",
        "account": operation.provider_account_id,
        "operation_id": operation.id,
        "occurred_at": timezone.now(),
    }
    event = Event(id="evt_1", type="sale", created_at=datetime.now(UTC), data=Happening(**facts | differently))
    body = msgspec.json.encode(event)
    account = shop.account("simulator")
    secret = json.loads(account.credentials)["webhook_secret"]
    headers = signing.headers(message_id="evt_1", body=body.decode(), moment=timezone.now(), secrets=[secret])
    return ProviderEvent.objects.get(id=receive(account, body=body, headers=headers))


def test_what_the_call_was_told_already_is_stored_as_applied(shop: Shop) -> None:
    payment = shop.pay(5000)
    event = sale_event(shop, payment)
    assert (event.status, event.due_at) == ("applied", None)
    assert event.applied_at is not None
    assert bytes(event.body).startswith(b'{"id":"evt_1"')


def test_the_same_webhook_twice_is_one_event(shop: Shop) -> None:
    payment = shop.pay(5000)
    first, second = sale_event(shop, payment), sale_event(shop, payment)
    assert (first.id, second.deliveries) == (second.id, 2)


@pytest.mark.parametrize(
    "news",
    [
        {"outcome": Outcome.DECLINED},
        {"outcome": Outcome.UNKNOWN},
        {"fact": ReportType.REFUND},
        {"operation_id": None},
        {"operation_id": "op_of_nobody"},
    ],
)
def test_whatever_says_something_else_waits_for_a_worker(shop: Shop, news: dict[str, Any]) -> None:
    event = sale_event(shop, shop.pay(5000), **news)
    assert event.status == "pending"
    assert event.due_at is not None


def test_what_is_not_answered_yet_waits_and_is_then_booked(
    shop: Shop, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("payments.services.request_operation.submit_new", _break)
        with pytest.raises(OnetillError):
            shop.pay(5000)
    payment = Payment.objects.get()
    event = sale_event(shop, payment)
    assert event.status == "pending"
    apply_event(event.id)
    assert (fresh(event).status, fresh(payment).status) == ("applied", "captured")


def test_another_merchants_operation_is_no_answer(shop: Shop) -> None:
    payment = open_shop("Stranger").pay(5000)
    assert sale_event(shop, payment).status == "pending"


def _break(*args: object, **kwargs: object) -> None:
    raise OnetillError("broken", "A defect.")


def test_what_the_adapter_cannot_read_is_kept_and_never_lost(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A defect of ours: refusing the event would make the provider send it for days, and nobody would see it."""
    payment = shop.pay(5000)
    with monkeypatch.context() as defect:

        def broken(*_args: object) -> None:
            raise KeyError("a member that the adapter expects")

        defect.setattr(Simulator, "parse_webhook", broken)
        event = sale_event(shop, payment)
        apply_event(event.id)
    event = fresh(event)
    assert (event.status, event.due_at) == ("unreadable", None)
    assert event.detail == "KeyError: the event could not be read."
    assert b"sim_" in bytes(event.body)
    assert f"event evt_1 of {event.provider_account_id} cannot be read" in caplog.text


def test_a_card_number_that_a_provider_tells_is_not_kept(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    event = sale_event(shop, shop.pay(5000), reference="4111111111111111")
    assert b"************1111" in bytes(event.body)
    assert b"4111111111111111" not in bytes(event.body)
    assert "a card number was masked" in caplog.text
