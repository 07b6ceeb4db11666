"""Devices and tills wait on the process of polls and streams: woken within moments, holding nothing meanwhile."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection

from tests.api.client import Api
from tests.api.conftest import Shop
from tests.ports import free_ports
from tests.simulator import eventually
from tests.terminals.device import Device, sale
from tests.terminals.test_driven_sales import charge, drive

pytestmark = pytest.mark.django_db(transaction=True)

SOON = 10.0  # seconds, on a machine that does other things too; a poll that nobody wakes waits for 25


@pytest.fixture(scope="module")
def stream(django_db_setup: None) -> Iterator[str]:
    """The process of polls and streams, as `make run` starts it, on this test's database."""
    port = free_ports()
    granian = Path(sys.executable).with_name("granian")
    place = ["--interface", "asginl", "--host", "127.0.0.1", "--port", str(port), "--no-ws", "--log-level", "error"]
    process = subprocess.Popen([str(granian), *place, "config.asgi:application"], cwd=Path(__file__).parents[2])
    try:
        eventually(lambda: _answers(f"http://127.0.0.1:{port}/health/live"), within=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


class Waiting:
    """A request that is under way, and how long its answer took."""

    def __init__(self, ask: Callable[[], httpx.Response]) -> None:
        self.answer: httpx.Response | None = None
        self.began = time.monotonic()
        self.took = 0.0
        self._thread = threading.Thread(target=self._run, args=[ask])
        self._thread.start()

    def _run(self, ask: Callable[[], httpx.Response]) -> None:
        self.answer = ask()
        self.took = time.monotonic() - self.began

    def end(self) -> httpx.Response:
        self._thread.join(60)
        assert self.answer is not None
        return self.answer


def poll(stream: str, device: Device, wait: int = 25, **options: Any) -> httpx.Response:
    path = f"/v1/terminal/actions?wait={wait}"
    headers = device.headers(b"", path, method="GET", **options)
    return httpx.get(stream + path, headers=headers, trust_env=False, timeout=60)


def test_a_device_that_waits_is_woken(stream: str, back_office: Api, terminal: Device) -> None:
    waiting = Waiting(lambda: poll(stream, terminal))
    time.sleep(1)
    action = charge(back_office, terminal)
    answer = waiting.end()
    assert (answer.status_code, answer.json()["id"]) == (200, action["id"])
    assert waiting.took < SOON


def test_what_waits_already_is_answered_at_once(stream: str, back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal)
    answer = poll(stream, terminal)
    assert (answer.status_code, answer.json()["id"]) == (200, action["id"])


def test_when_its_time_is_over_there_was_nothing(stream: str, terminal: Device) -> None:
    began = time.monotonic()
    assert poll(stream, terminal, wait=1).status_code == 204
    assert time.monotonic() - began >= 1


def test_while_it_presents_it_hears_of_a_stop(stream: str, back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal)
    terminal.poll()
    terminal.ack(action["id"])
    waiting = Waiting(lambda: poll(stream, terminal))
    time.sleep(1)
    stop = drive(back_office, terminal, type="abort")
    answer = waiting.end().json()
    assert (answer["id"], answer["target"]) == (stop["id"], action["id"])


def test_a_waiting_poll_holds_nothing_open_in_the_database(stream: str, terminal: Device) -> None:
    waiting = Waiting(lambda: poll(stream, terminal, wait=3))
    time.sleep(1.5)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND state <> 'idle'"
        )
        assert cursor.fetchone()[0] == 0
    assert waiting.end().status_code == 204


def test_a_till_watches_its_action(stream: str, back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal)
    address = f"{stream}/v1/terminals/{terminal.terminal}/actions/{action['id']}"

    def watch(wait: int = 25) -> httpx.Response:
        return httpx.get(address, params={"wait": wait}, headers=back_office.headers(), trust_env=False, timeout=60)

    waiting = Waiting(watch)
    time.sleep(1)
    terminal.poll()
    terminal.ack(action["id"])
    assert waiting.end().json()["status"] == "presented"
    assert waiting.took < SOON
    assert watch(wait=1).json()["status"] == "presented"
    terminal.result(action["id"], sale(1))
    assert watch().json()["status"] == "succeeded"  # it has ended: nothing to wait for


def test_who_may_not_is_refused_at_once(
    stream: str, shop: Shop, stranger: Shop, back_office: Api, terminal: Device
) -> None:
    action = charge(back_office, terminal)
    forged = Device(terminal.terminal, secret="whsec_" + "A" * 43 + "=")
    assert (poll(stream, forged).status_code, poll(stream, forged).json()["code"]) == (401, "signature_invalid")
    off = poll(stream, terminal, timestamp=int(time.time()) - 3600)
    assert (off.status_code, off.json()["code"]) == (401, "timestamp_out_of_range")
    assert off.json()["server_time"]
    address = f"{stream}/v1/terminals/{terminal.terminal}/actions/{action['id']}"
    for api, status in ((stranger.api(), 404), (shop.api("payments:read"), 403), (Api("ot_test_x"), 401)):
        assert httpx.get(address, headers=api.headers(), trust_env=False).status_code == status
    assert httpx.get(address, params={"wait": 61}, headers=back_office.headers(), trust_env=False).status_code == 422


def test_a_device_whose_key_ends_while_it_waits_learns_nothing(stream: str, back_office: Api, terminal: Device) -> None:
    poll(stream, terminal, wait=0)
    waiting = Waiting(lambda: poll(stream, terminal, wait=3))
    time.sleep(1)
    back_office.post(f"/v1/terminals/{terminal.terminal}/revoke")
    answer = waiting.end()
    assert (answer.status_code, answer.json()["code"]) == (401, "terminal_revoked")
