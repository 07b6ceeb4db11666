"""A page of the counter waits on the process of polls and streams, and is told of a change within moments."""

import time
from typing import Any

import httpx
import pytest
from django.conf import settings

from payments.people.models import User
from terminals.counter import sentences
from terminals.models import TerminalAction
from terminals.services.counter.pair import unpair
from tests.builders import BY, Shop, fresh
from tests.counter.cast import Tablet
from tests.counter.test_terminals import charges, presented
from tests.counter.test_terminals import device as device
from tests.terminals.device import Device
from tests.terminals.test_long_poll import SOON, Waiting
from tests.terminals.test_long_poll import stream as stream

pytestmark = pytest.mark.django_db(transaction=True)


def watching(stream: str, tablet: Tablet, action: TerminalAction, seen: str, **more: str) -> httpx.Response:
    """What the page's script asks, with the browser's cookies."""
    names = ("counter_browser", "counter_sign_in")
    kept: dict[str, Any] = {name: tablet.browser.cookies[name].value for name in names}
    address = f"{stream}/counter/watch/{action.id}"
    return httpx.get(address, params={"seen": seen, **more}, cookies=kept, trust_env=False, timeout=60)


def test_a_page_that_waits_is_told_of_the_change(stream: str, shop: Shop, at_counter: Tablet, device: Device) -> None:
    charges(at_counter, device)
    action = TerminalAction.objects.get()
    seen = sentences.state_of(action)
    waiting = Waiting(lambda: watching(stream, at_counter, action, seen))
    time.sleep(1)
    presented(device)
    answer = waiting.end()
    assert answer.status_code == 205
    assert waiting.took < SOON
    assert answer.headers["Access-Control-Allow-Origin"] == settings.PUBLIC_URL
    assert watching(stream, at_counter, action, sentences.state_of(fresh(action)), now="").status_code == 204
    assert watching(stream, at_counter, action, seen).status_code == 205  # what it has missed, it is told at once


def test_who_is_not_signed_in_at_that_store_is_told_nothing(
    stream: str, shop: Shop, at_counter: Tablet, device: Device, anna: User
) -> None:
    charges(at_counter, device)
    action = TerminalAction.objects.get()
    assert httpx.get(f"{stream}/counter/watch/{action.id}", trust_env=False).status_code == 401
    assert httpx.post(f"{stream}/counter/watch/{action.id}", trust_env=False).status_code == 405
    TerminalAction.objects.update(channel=shop.webshop)
    assert watching(stream, at_counter, action, "").status_code == 401
    TerminalAction.objects.update(channel=shop.store)
    unpair(at_counter.row, actor=BY)
    assert watching(stream, at_counter, action, "").status_code == 401
