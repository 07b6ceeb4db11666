"""What a device does next, by every answer it may get; and a whole day of one, over real HTTP."""

import io
import json
import random
from collections import deque
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command

from payments.models import Discrepancy, Payment
from terminals.audit import check
from terminals.device.connection import Line, Reply
from terminals.device.device import Device
from terminals.device.scenario import Day, Habits
from terminals.device.storage import Memory
from terminals.models import Terminal, TerminalTransaction
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.terminals.conftest import books, new_terminal


class ScriptedLine(Line):
    """A line whose server gives the answers it is told to, and keeps what it was sent."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = deque(replies)
        self.sent: list[tuple[str, Any]] = []

    def send(self, memory: Memory, path: str, webhook_id: str, body: bytes) -> Reply:
        self.sent.append((webhook_id, json.loads(body)))
        return self.replies.popleft()


def device_of(path: Path, *replies: Reply, count: int = 1) -> tuple[Device, ScriptedLine]:
    line = ScriptedLine(*replies)
    device = Device(line, Memory(path / "device.json", terminal="trm_1", secret="whsec_AAAA"))
    for _ in range(count):
        device.transact("sale", 100)
    return device, line


def results(*statuses: str) -> Reply:
    return Reply(200, {"results": [{"status": status, "error": None} for status in statuses]})


def test_what_was_taken_is_deleted(tmp_path: Path) -> None:
    device, _ = device_of(tmp_path, results("recorded", "duplicate"), count=2)
    assert device.send_all()
    assert (device.memory.queue, device.memory.set_aside) == ([], [])


def test_what_was_refused_is_set_aside_and_not_sent_again(tmp_path: Path) -> None:
    device, line = device_of(tmp_path, results("conflict", "refused", "recorded"), count=3)
    assert device.send_all()
    assert [(each["transaction"]["sequence"], each["status"]) for each in device.memory.set_aside] == [
        (1, "conflict"), (2, "refused"),
    ]  # fmt: skip
    assert len(line.sent) == 1


@pytest.mark.parametrize(
    ("reply", "status"),
    [(Reply(409, {"code": "sequence_conflict"}), "conflict"), (Reply(422, {"code": "validation_failed"}), "refused")],
)
def test_one_alone_that_was_refused_is_set_aside(tmp_path: Path, reply: Reply, status: str) -> None:
    device, _ = device_of(tmp_path, reply)
    assert device.send_all()
    assert [each["status"] for each in device.memory.set_aside] == [status]


def test_a_clock_that_is_off_signs_again_by_the_servers_time(tmp_path: Path) -> None:
    late = Reply(401, {"code": "timestamp_out_of_range", "server_time": "2031-01-01T00:00:00Z"})
    device, line = device_of(tmp_path, late, Reply(201, {"status": "recorded"}))
    assert device.send_all()
    assert line.sent[0] == line.sent[1]
    assert device.memory.clock_offset > 86_400


@pytest.mark.parametrize("code", ["signature_invalid", "terminal_revoked"])
def test_a_device_that_is_not_believed_stops_and_keeps_its_queue(tmp_path: Path, code: str) -> None:
    device, line = device_of(tmp_path, Reply(401, {"code": code}))
    assert not device.send_all(patience=60)
    device.transact("sale", 200)
    assert not device.send_all(patience=60)
    assert (len(device.memory.queue), len(line.sent), device.memory.stopped) == (2, 1, code)


def test_a_batch_too_large_is_halved(tmp_path: Path) -> None:
    device, line = device_of(
        tmp_path, Reply(413, {"code": "batch_too_large"}), results("recorded", "recorded"), results("recorded", "recorded"), count=4
    )  # fmt: skip
    assert device.send_all()
    assert [len(body["transactions"]) for _, body in line.sent] == [4, 2, 2]


@pytest.mark.parametrize("status", [0, 409, 429, 500, 503])
def test_the_same_request_is_repeated_after_a_wait_that_grows(tmp_path: Path, status: int) -> None:
    device, line = device_of(tmp_path, *[Reply(status, {})] * 3, Reply(201, {"status": "recorded"}))
    waits = []
    while device.memory.queue:
        device.send_one()
        waits.append(device.waits)
        device.memory = Memory.load(device.memory.path)  # and the power may go in between
    assert waits == [1.0, 2.0, 4.0, 0.0]
    assert len({json.dumps(each) for each in line.sent}) == 1


@pytest.fixture
def server(live_server: Any, shop: Shop) -> str:
    """Real HTTP to a server of this process."""
    return str(live_server.url)


@pytest.mark.django_db(transaction=True)
def test_a_day_with_the_line_gone_and_posts_twice_is_booked_once(
    server: str, tmp_path: Path, shop: Shop, back_office: Api
) -> None:
    code = new_terminal(back_office)["pairing_code"]
    device = Device(Line(server), Memory(tmp_path / "device.json"), largest_batch=7)
    device.pair(code, ed25519=True)
    day = Day(device, Habits(offline=0.2, twice=0.5, unknown=0.1, refunded=0.2, prefix="A-"), random.Random(7))
    for _ in range(60):
        day.step()
    assert day.close()
    assert device.memory.set_aside == []
    terminal = Terminal.objects.get()
    assert (terminal.last_sequence, terminal.missing) == (device.memory.next_sequence - 1, [])
    assert TerminalTransaction.objects.filter(status="recorded").count() == terminal.last_sequence
    assert set(Discrepancy.objects.exclude(status="resolved").values_list("kind", flat=True)) == set()
    assert sum(books(shop.merchant).values()) == 0
    assert list(check()) == []


@pytest.mark.django_db(transaction=True)
def test_the_command_is_a_device_that_goes_on_where_it_stopped(server: str, tmp_path: Path, back_office: Api) -> None:
    made = new_terminal(back_office)
    state = tmp_path / "till.json"
    printed = _run("--base-url", server, "--pairing-code", made["pairing_code"], "--state", state, "--seed", 3)
    assert (printed["terminal"], printed["queued"], printed["set_aside"], printed["stopped"]) == (
        made["id"],
        0,
        [],
        None,
    )
    first = printed["next_sequence"]
    again = _run("--base-url", server, "--state", state, "--transactions", 5, "--seed", 4)
    assert again["next_sequence"] >= first + 5
    assert Payment.objects.count() > 20
    assert oct(state.stat().st_mode)[-3:] == "600"


@pytest.mark.django_db(transaction=True)
def test_the_command_says_when_it_could_not(server: str, tmp_path: Path, back_office: Api) -> None:
    with pytest.raises(CommandError, match="Not paired"):
        _run("--base-url", server, "--pairing-code", "WRONGONE", "--state", tmp_path / "a.json")
    with pytest.raises(CommandError, match="never been paired"):
        _run("--base-url", server, "--state", tmp_path / "b.json")
    made = new_terminal(back_office)
    _run("--base-url", server, "--pairing-code", made["pairing_code"], "--state", tmp_path / "c.json")
    back_office.post(f"/v1/terminals/{made['id']}/revoke")
    with pytest.raises(CommandError, match="terminal_revoked"):
        _run("--base-url", server, "--state", tmp_path / "c.json", "--transactions", 3)
    assert len(Memory.load(tmp_path / "c.json").queue) == 1


@pytest.mark.django_db(transaction=True)
def test_the_command_has_a_terminal_made_by_a_key(server: str, tmp_path: Path, back_office: Api, shop: Shop) -> None:
    by_key = ("--base-url", server, "--api-key", back_office.key, "--state", tmp_path / "k.json")
    with pytest.raises(CommandError, match="Give --channel"):
        _run(*by_key)
    with pytest.raises(CommandError, match="No terminal was made"):
        _run(*by_key, "--channel", "chn_nowhere")
    printed = _run(*by_key, "--channel", shop.store.id, "--transactions", 3)
    assert (printed["queued"], Terminal.objects.get(id=printed["terminal"]).channel_id) == (0, shop.store.id)


def test_a_server_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    device = Device(Line("http://127.0.0.1:9"), Memory(tmp_path / "d.json", terminal="trm_1", secret="whsec_AAAA"))
    device.transact("sale", 100)
    assert not device.send_all()
    assert device.line.http.timeout == httpx.Timeout(30.0, connect=5.0)


def _run(*arguments: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command("simulate_terminal", *map(str, arguments), "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told
