"""Whatever fails between us and a provider, no operation is lost and no money moves twice."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from payments.core.errors import Invalid
from payments.models import Operation, Payment
from payments.payloads import PAYMENT_RELATED
from payments.providers.simulator.provider import Simulator
from payments.services import submit as submitting
from payments.services.capture import capture_payment
from payments.services.recover import look_again, recover
from payments.services.submit import submit
from tests.builders import BY, Shop, open_shop
from tests.simulator import RunningSimulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def now(payment: Payment) -> Payment:
    return Payment.objects.select_related(*PAYMENT_RELATED).get(id=payment.id)


def looked_again(payment: Payment) -> str:
    """Ask at once what became of its operation; return the payment's status."""
    assert look_again(payment.operations.get().id)
    recover()
    return now(payment).status


def moved(simulator: RunningSimulator, shop: Shop) -> int:
    return len(simulator.effects(account=shop.account("simulator").id))


def broken(*_args: Any) -> Any:
    raise KeyError("a field that the adapter expects")


def test_an_answer_that_the_adapter_cannot_read_is_asked_for_again(
    shop: Shop, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = Simulator.execute

    def done_and_broken(*args: Any) -> Any:
        execute(*args)
        broken()

    with monkeypatch.context() as defect:
        defect.setattr(Simulator, "execute", done_and_broken)
        payment = shop.pay(5_000)
    assert (payment.status, payment.operations.get().failure_code) == ("unknown", "internal_error")
    with monkeypatch.context() as defect:
        defect.setattr(Simulator, "fetch", broken)
        assert looked_again(payment) == "unknown"
    assert looked_again(payment) == "captured"
    assert moved(simulator, shop) == 1
    assert not look_again(payment.operations.get().id)  # it has its final outcome


def test_what_two_workers_take_up_is_sent_once(shop: Shop, simulator: RunningSimulator) -> None:
    payment = shop.pay(5_000)
    submit(payment.operations.get().id, actor=BY)
    assert moved(simulator, shop) == 1


def test_what_another_process_took_up_and_never_sent_is_declined_and_charged_to_nobody(
    shop: Shop, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = submitting._claim
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(submitting, "_claim", lambda operation_id: not claim(operation_id))
        payment = shop.pay(5_000)
    assert payment.status == now(payment).status == "processing"
    assert looked_again(payment) == "declined"
    assert now(payment).failure_code == "not_received"
    assert moved(simulator, shop) == 0


def test_a_charge_that_could_not_be_sent_is_sent_while_the_customer_waits_and_no_later(
    shop: Shop, simulator: RunningSimulator, settings: Settings
) -> None:
    there, settings.SIMULATOR_URL = settings.SIMULATOR_URL, "http://127.0.0.1:9"
    early, late = shop.pay(5_000), shop.pay(6_000)
    settings.SIMULATOR_URL = there
    Operation.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    late.operations.update(created_at=timezone.now() - timedelta(minutes=16))
    recover()
    assert (now(early).status, now(late).status) == ("captured", "declined")
    assert now(late).failure_code == "provider_unreachable"
    assert moved(simulator, shop) == 1


@pytest.mark.parametrize(
    ("able", "final", "param"),
    [({"partial_capture": False}, True, "amount"), ({"multiple_captures": False}, False, "final")],
)
def test_a_capture_that_its_provider_cannot_make_is_refused_with_what_to_do(
    shop: Shop, able: dict[str, Any], final: bool, param: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = shop.pay(5_000, manual_capture=True)
    monkeypatch.setattr(Simulator, "capabilities", replace(Simulator.capabilities, **able))
    with pytest.raises(Invalid) as refused:
        capture_payment(now(held), amount=3_000, final=final, actor=BY)
    assert (refused.value.code, refused.value.param) == ("capture_not_supported", param)
    assert now(held).amount_capturable == 5_000
