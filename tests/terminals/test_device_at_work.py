"""The device does what its till asks, over HTTP: presents once, answers, and goes on where the power failed."""

import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from payments.models import Payment
from terminals.device.connection import Line
from terminals.device.counter import Counter
from terminals.device.device import Device
from terminals.device.storage import Memory
from terminals.models import TerminalAction
from terminals.services.actions import sweep
from tests.api.client import Api
from tests.terminals.conftest import new_terminal
from tests.terminals.test_driven_sales import pass_time

pytestmark = pytest.mark.django_db(transaction=True)

CARD = {"card": {"brand": "maestro", "last4": "4242"}, "entry_mode": "contactless"}


class PowerCut(Exception):
    """The device is dead at this moment."""


@pytest.fixture
def device(back_office: Api, live_server: Any, tmp_path: Path) -> Device:
    made = Device(Line(live_server.url), Memory(tmp_path / "till.json"))
    made.pair(new_terminal(back_office)["pairing_code"])
    return made


def charge(api: Api, device: Device, amount: int = 1250) -> dict[str, Any]:
    path = f"/v1/terminals/{device.memory.terminal}/actions"
    made: dict[str, Any] = api.post(path, {"type": "sale", "amount": amount, "currency": "EUR"}).json()
    return made


def status(action: dict[str, Any]) -> tuple[str, str]:
    return TerminalAction.objects.get(id=action["id"]).status, Payment.objects.get(id=action["payment"]).status


def test_it_presents_what_the_till_asks_and_tells_what_came_of_it(back_office: Api, device: Device) -> None:
    action = charge(back_office, device)
    assert Counter(device, lambda requested: CARD).attend(0) == 1
    assert (status(action), device.memory.queue) == (("succeeded", "captured"), [])
    declined = charge(back_office, device)
    Counter(device, lambda requested: CARD | {"outcome": "declined"}).attend(0)
    assert status(declined) == ("declined", "declined")
    left = charge(back_office, device)
    Counter(device, lambda requested: None).attend(0)
    assert status(left) == ("canceled", "canceled")


def test_the_power_fails_while_the_customer_looks_for_the_card(back_office: Api, device: Device) -> None:
    action = charge(back_office, device)

    def dies(requested: dict[str, Any]) -> None:
        raise PowerCut

    with pytest.raises(PowerCut):
        Counter(device, dies).attend(0)
    again = Device(device.line, Memory.load(device.memory.path))
    counter = Counter(again, lambda requested: CARD)
    counter.resume()
    assert counter.attend(0) == 0  # never presented twice
    assert status(action) == ("canceled", "canceled")


def test_the_power_fails_between_the_approval_and_the_answer(
    back_office: Api, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = charge(back_office, device)

    def dies(self: Device, **_: Any) -> bool:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(Device, "send_all", dies)
        with pytest.raises(PowerCut):
            Counter(device, lambda requested: CARD).attend(0)
    pass_time(action, 140)
    assert status(action) == ("unknown", "unknown")
    again = Device(device.line, Memory.load(device.memory.path))
    counter = Counter(again, lambda requested: pytest.fail("presented twice"))
    counter.resume()
    assert counter.attend(0) == 1  # it is asked what came of it
    assert status(action) == ("succeeded", "captured")
    assert again.send_all()
    assert Payment.objects.count() == 1


def test_a_device_that_lost_its_memory_knows_of_nothing(back_office: Api, device: Device) -> None:
    action = charge(back_office, device)
    counter = Counter(device, lambda requested: CARD)
    counter._poll(0)
    pass_time(action, 140)
    counter.attend(0)
    sweep.sweep()
    assert status(action) == ("canceled", "canceled")


def test_the_command_does_what_a_till_asks(back_office: Api, live_server: Any, tmp_path: Path) -> None:
    made = new_terminal(back_office)
    out = io.StringIO()

    def run() -> None:
        call_command(
            "simulate_terminal",
            *(
                "--base-url",
                live_server.url,
                "--pairing-code",
                made["pairing_code"],
                "--state",
                str(tmp_path / "t.json"),
            ),
            *("--driven", "--transactions", "1", "--declined", "0", "--seed", "1", "--json"),
            stdout=out,
        )

    till = threading.Thread(target=run)
    till.start()
    path, answer = f"/v1/terminals/{made['id']}/actions", None
    for _ in range(100):
        answer = back_office.post(path, {"type": "sale", "amount": 700, "currency": "EUR"})
        if answer.status_code == 201:
            break
        time.sleep(0.2)
    till.join(60)
    assert answer is not None
    assert answer.status_code == 201
    assert status(answer.json()) == ("succeeded", "captured")
    assert json.loads(out.getvalue())["queued"] == 0
