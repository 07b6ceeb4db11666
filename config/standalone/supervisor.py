"""Keep a handful of processes running: prefix what they print, restart what crashes, end all of them in order.

Children have sessions of their own, so that a Ctrl-C reaches the supervisor alone. Should the supervisor itself be
killed, the kernel (Linux) signals each child to end: nothing is left behind.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from config import ownership
from config.observability.redaction import scrub

PR_SET_PDEATHSIG: Final = 1
SHORTEST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 15.0
STEADY_SECONDS: Final = 10.0  # a process that ran so long is in no crash loop, and is restarted at once
LINE_LIMIT: Final = 1 << 20
RECORD: Final = '{"time":'  # the beginning of a line that one of our processes wrote as JSON, already scrubbed

_libc: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """A process to keep running. Those of a higher stage need the lower ones, and end before them."""

    name: str
    command: Sequence[str]
    stage: int
    environment: Mapping[str, str] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    end_signal: signal.Signals = signal.SIGTERM
    grace: float = 8.0
    expected_at_end: str | None = None  # what its lines say that tell no more than that everything ends


class Supervisor:
    """Runs programs until `end`; with `json` every line is printed as one JSON object."""

    def __init__(self, say: Callable[[str], None], *, json: bool = False) -> None:
        self._say = say
        self._json = json
        self._ending = False
        self._keepers: list[tuple[Program, asyncio.Task[None]]] = []
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    def start(self, program: Program) -> None:
        """Start a program, and restart it whenever it ends."""
        self._keepers.append((program, asyncio.create_task(self._keep(program))))

    def log(self, text: str, *, level: str = "info") -> None:
        """Print a line of the supervisor's own."""
        self._say(_record("supervisor", level, text) if self._json else text)

    async def end(self) -> None:
        """End every program, the highest stage first."""
        self._ending = True
        for stage in sorted({program.stage for program, _ in self._keepers}, reverse=True):
            group = [(program, keeper) for program, keeper in self._keepers if program.stage == stage]
            await asyncio.gather(*(self._end(program, keeper) for program, keeper in group))

    async def _keep(self, program: Program) -> None:
        pause = SHORTEST_PAUSE / 2
        while not self._ending:
            began = time.monotonic()
            code = await self._run(program)
            if self._ending:
                return
            steady = time.monotonic() - began > STEADY_SECONDS
            pause = SHORTEST_PAUSE if steady else min(pause * 2, LONGEST_PAUSE)
            self.log(f"{program.name} ended ({_reason(code)}); starting it again in {pause:g} s.", level="warning")
            await asyncio.sleep(pause)

    async def _run(self, program: Program) -> int:
        reader, writing_end = await _pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing_end,
                stderr=writing_end,
                env={**ownership.without(), **program.environment},
                start_new_session=True,
                preexec_fn=lambda: end_with_parent(program.end_signal),
                **program.identity,
            )
        finally:
            os.close(writing_end)
        self._processes[program.name] = process
        printing = asyncio.create_task(self._print(program, reader))
        code = await process.wait()
        _kill_session(process)  # what it left behind would keep its ports and its pipe
        await printing
        return code

    async def _print(self, program: Program, reader: asyncio.StreamReader) -> None:
        name, expected = program.name, program.expected_at_end
        async for line in _lines(reader):
            if not (self._ending and expected is not None and expected in line):
                self._say(_as_record(name, line) if self._json else f"{name:>9} │ {scrub(line)}")

    async def _end(self, program: Program, keeper: asyncio.Task[None]) -> None:
        process = self._processes.get(program.name)
        if process is not None and process.returncode is None:
            process.send_signal(program.end_signal)
            try:
                await asyncio.wait_for(process.wait(), program.grace)
            except TimeoutError:
                self.log(f"{program.name} does not end by itself: killed.", level="warning")
                _kill_session(process)
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper


async def _pipe() -> tuple[asyncio.StreamReader, int]:
    """A pipe of our own: with one of asyncio's, a process counts as running until its last child lets go of it."""
    reading_end, writing_end = os.pipe()
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(reading_end, "rb", buffering=0))
    return reader, writing_end


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    while True:
        try:
            line = await reader.readline()
        except ValueError:  # beyond LINE_LIMIT; the reader has dropped it
            continue
        if not line:
            return
        yield line.decode(errors="replace").rstrip()


def _as_record(name: str, line: str) -> str:
    """Return a line as JSON with its program's name; text lines of other programs are wrapped."""
    if line.startswith(RECORD):
        return f'{{"program":"{name}",{line[1:]}'
    return _record(name, "info", scrub(line))


def _record(name: str, level: str, text: str) -> str:
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return msgspec.json.encode({"program": name, "time": time, "level": level, "message": text}).decode()


def end_with_parent(number: int) -> None:
    """Ask the kernel to send this process `number` when its parent dies (Linux; elsewhere nothing happens)."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, number)


def _kill_session(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _reason(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
