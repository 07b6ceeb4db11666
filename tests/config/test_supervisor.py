"""Processes are kept running, told apart in what they print, and all gone at the end, however it comes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from config.standalone import home
from config.standalone.supervisor import Program, Supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def python(name: str, code: str, *, stage: int = 1, grace: float = 30) -> Program:
    return Program(name, [sys.executable, "-c", code], stage, grace=grace)


def supervise(*programs: Program, until: Callable[[list[str]], bool], as_json: bool = False) -> tuple[list[str], float]:
    """Run the programs until what was said suffices; return it all, and how long ending took."""
    said: list[str] = []

    async def run() -> float:
        supervisor = Supervisor(said.append, json=as_json)
        for program in programs:
            supervisor.start(program)
        try:
            await _eventually(lambda: until(said))
        finally:
            began = time.monotonic()
            await supervisor.end()
        return time.monotonic() - began

    return said, asyncio.run(run())


async def _eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 (what is waited for happens in another process)
            await asyncio.sleep(0.02)


def test_what_a_program_prints_carries_its_name_and_no_card_number() -> None:
    output, _ = supervise(
        python("web", "print('paid with 4111111111111111', flush=True);" + SLEEPER),
        until=lambda output: len(output) >= 2,
    )
    assert output[:2] == ["      web │ paid with ************1111", "      web │ up"]


def test_a_program_is_not_told_who_owns_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://owner:secret@db/onetill")
    monkeypatch.setenv("BACKUP_PASSPHRASE", "secret")
    code = "import os; print('secret' in str(os.environ), 'PATH' in os.environ, flush=True);" + SLEEPER
    output, _ = supervise(python("web", code), until=lambda output: len(output) >= 2)
    assert output[0] == "      web │ False True"


def test_as_json_every_line_is_one_record_of_its_program() -> None:
    code = f"""
print('{{"time":"2026-11-27T01:00:00.000+00:00","level":"info","message":"ours"}}', flush=True)
print('{{"half": "of something by jan@shop.example', flush=True)
{SLEEPER}"""
    output, _ = supervise(python("web", code, grace=1), until=lambda output: len(output) >= 3, as_json=True)
    records = [json.loads(line) for line in output]
    assert {record["program"] for record in records} <= {"web", "supervisor"}
    assert [record["message"] for record in records[:3]] == ["ours", '{"half": "of something by [e-mail]', "up"]
    assert all(record["time"] and record["level"] for record in records)


def test_a_program_that_ends_is_started_again_and_waited_for_longer_each_time() -> None:
    output, _ = supervise(python("web", "raise SystemExit(3)"), until=lambda output: len(output) >= 2)
    assert output[:2] == [
        "web ended (exit 3); starting it again in 0.25 s.",
        "web ended (exit 3); starting it again in 0.5 s.",
    ]


def test_a_program_that_is_killed_is_started_again() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    output, _ = supervise(python("valkey", code), until=lambda output: len(output) >= 1)
    assert output[0].startswith("valkey ended (killed by SIGKILL)")


def test_what_needs_a_server_ends_before_it() -> None:
    ending = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit()))\n"
    )
    output, _ = supervise(
        python("server", ending + SLEEPER, stage=1),
        python("web", ending + SLEEPER, stage=2),
        until=lambda output: len(output) >= 2,
    )
    assert output[2:] == ["      web │ bye", "   server │ bye"]


def test_what_only_says_that_everything_ends_is_left_out_at_the_end() -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('FATAL: shutting down\\nFATAL: disk full', flush=True)))\n"
        "print('FATAL: shutting down', flush=True); print('up', flush=True); time.sleep(60)"
    )
    program = Program("postgres", [sys.executable, "-c", code], 1, grace=30, expected_at_end="FATAL: shutting down")
    output, _ = supervise(program, until=lambda output: any("up" in line for line in output))
    assert [line.partition("│ ")[2] for line in output] == ["FATAL: shutting down", "up", "FATAL: disk full"]


def test_a_program_that_does_not_end_by_itself_is_killed() -> None:
    output, seconds = supervise(python("stubborn", STUBBORN, grace=0.3), until=lambda output: len(output) >= 1)
    assert output[-1] == "stubborn does not end by itself: killed."
    assert seconds < 30  # it sleeps for sixty


def test_what_a_program_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = f"import subprocess, sys; p = subprocess.Popen(['sleep', '60']); open({str(child)!r}, 'w').write(str(p.pid))"
    supervise(python("worker", code), until=lambda text: len(text) >= 1)
    assert not _lives(int(child.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel tells children of their parent's death")
def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = f"import os; open({str(child)!r}, 'w').write(str(os.getpid())); " + SLEEPER
    script = f"""
import asyncio, sys
from config.standalone.supervisor import Program, Supervisor
async def run():
    Supervisor(print).start(Program("web", [sys.executable, "-c", {code!r}], 1))
    await asyncio.sleep(60)
asyncio.run(run())
"""
    supervisor = subprocess.Popen([sys.executable, "-c", script], cwd=home.PROJECT)
    asyncio.run(_eventually(lambda: child.exists() and child.read_text() != ""))
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    asyncio.run(_eventually(lambda: not _lives(int(child.read_text()))))


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
