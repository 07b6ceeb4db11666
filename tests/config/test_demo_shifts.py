"""A store of the demo closes its shifts: the terminal's totals agree with the books, and the drawer goes to the bank."""

import random
from pathlib import Path
from typing import Any

import pytest

from config.sandbox.demo.shifts import FLOAT, Shift
from config.sandbox.demo.web import Api
from payments.models import TillMovement
from payments.people.services import api_keys
from payments.queries.tills import till_balance
from terminals.device.connection import Line
from terminals.device.device import Device
from terminals.device.scenario import Day, Habits
from terminals.device.storage import Memory
from terminals.models import Shift as Reported
from terminals.services.create import create
from tests.builders import BY, open_shop

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_shift_is_closed_and_the_drawer_counted(live_server: Any, settings: Any, tmp_path: Path) -> None:
    settings.PUBLIC_URL = live_server.url
    shop = open_shop(iban="NL91ABNA0417164300")
    made = create(channel=shop.store, label="Till 1", actor=BY)
    device = Device(Line(live_server.url), Memory(tmp_path / "till.json"))
    device.pair(made.pairing_code)
    key = api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], actor=BY)
    chance = random.Random(4)
    shift, day = Shift(device, Api(key.text), shop.store.id, chance), Day(device, Habits(unknown=0), chance)
    for _ in range(12):
        shift.note(day.step())
    shift.close()
    assert [row.status for row in Reported.objects.all()] == ["agrees"]
    assert till_balance(shop.store, "EUR") == FLOAT, "the change of the morning"
    shop.pay_cash(7_500)
    shift.note(day.step())
    shift.close()
    assert [row.status for row in Reported.objects.all()] == ["agrees", "agrees"]
    kinds = TillMovement.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["paid_in", "count", "deposit"]
    assert FLOAT <= till_balance(shop.store, "EUR") < FLOAT + 500
