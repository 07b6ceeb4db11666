"""Web and worker on machines whose clocks are ten minutes apart: nothing is asked twice, nothing is given up."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from django.utils import timezone

from payments.models import Operation, Payment
from payments.providers.simulator.provider import Simulator
from payments.services.recover import recover
from tests.builders import open_shop
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)

OFF: Final = (timedelta(minutes=-10), timedelta(minutes=10))
_now: Final = timezone.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Sets this process' clock off; the database keeps its own."""

    def set_off(by: timedelta) -> None:
        monkeypatch.setattr(timezone, "now", lambda: _now() + by)

    return set_off


@pytest.mark.parametrize("off", OFF)
def test_a_sweep_leaves_alone_what_the_web_asks_just_now(
    simulator: RunningSimulator,
    clock: Callable[[timedelta], None],
    monkeypatch: pytest.MonkeyPatch,
    off: timedelta,
) -> None:
    execute, requested = Simulator.execute, []

    def slowly(self: Simulator, *call: Any) -> Any:
        result = execute(self, *call)
        clock(timedelta(0))  # the worker's
        recover()
        clock(off)
        return result

    monkeypatch.setattr(Simulator, "execute", slowly)
    monkeypatch.setattr(Simulator, "fetch", lambda self, *call: requested.append(call))
    shop = open_shop()
    clock(off)
    payment = shop.pay(2500)
    assert (payment.status, requested) == ("captured", [])
    assert shop.books() == {f"receivable:{payment.provider_account_id}": 2500, f"takings:{shop.webshop.id}": -2500}


@pytest.mark.parametrize("off", OFF)
def test_what_the_web_left_behind_is_taken_up_once_its_lease_is_over(
    simulator: RunningSimulator,
    clock: Callable[[timedelta], None],
    monkeypatch: pytest.MonkeyPatch,
    off: timedelta,
) -> None:
    """The web process dies in the middle of its call; the worker's clock says something else than the web's did."""

    class Died(BaseException):
        pass

    execute = Simulator.execute

    def die(self: Simulator, *call: Any) -> Any:
        execute(self, *call)
        raise Died

    monkeypatch.setattr(Simulator, "execute", die)
    shop = open_shop()
    clock(off)
    with pytest.raises(Died):
        shop.pay(2500)
    clock(timedelta(0))
    recover()
    left = Operation.objects.get()
    assert left.outcome is None  # its lease is not over yet
    assert abs(_due(left) - _now() - timedelta(seconds=30)) < timedelta(seconds=25)
    Operation.objects.update(due_at=_now() - timedelta(seconds=1))
    recover()
    assert Payment.objects.get().status == "captured"
    assert len(simulator.effects(operation_id=left.id)) == 1


def _due(operation: Operation) -> datetime:
    assert operation.due_at is not None
    return operation.due_at
