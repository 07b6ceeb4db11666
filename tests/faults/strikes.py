"""The ways to break at a crash point: killed, a defect, something that takes too long, no database any more."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest
from django.conf import settings
from django.db import connection

from payments.notify.services import deliver
from payments.providers.simulator import provider
from tests import sql

PROVIDER_CALLS: Final = ("submit.calling", "recover.asking")
SOON: Final = 0.3  # seconds of patience, where something is to take too long
_patience: Final = pytest.MonkeyPatch()


class Struck(Exception):
    """A defect at this very point."""


def kill() -> None:
    """Gone, as by the kernel: nothing is flushed, nothing is closed, no `finally` runs."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    """What nobody expected."""
    raise Struck


@dataclass
class Strike:
    """Lets the `nth` passage of one point end in one way. Whatever came before it is reported to `report`."""

    point: str
    mode: str
    report: Callable[..., None]
    nth: int = 1
    passed: int = 0
    _lock: Any = field(default_factory=threading.Lock)
    _backend: int | None = None

    def __post_init__(self) -> None:
        # Threads that know no database lose that of the thread they work for.
        connection.ensure_connection()
        self._backend = _backend()

    def __call__(self, point: str) -> None:
        if point != self.point:
            return
        with self._lock:
            self.passed += 1
            struck = self.passed == self.nth
        if struck:
            self.report(hit=point)
            {"kill": kill, "exception": fail, "timeout": self._late, "lost": self._cut}[self.mode]()

    def _late(self) -> None:
        if self.point in PROVIDER_CALLS:
            _provider_is_slow()
        elif self.point == "deliver.sending":
            _patience.setattr(deliver, "ANSWER_SECONDS", SOON)  # the receiver takes longer
        elif self.point == "deliver.sent":
            raise TimeoutError(self.point)
        elif self.point == "import.copying":
            sql.cancel(settings.DATABASE_URL, self._pid())
        else:
            sql.time_out(connection)

    def _cut(self) -> None:
        sql.disconnect(settings.DATABASE_URL, self._pid())

    def _pid(self) -> int:
        return _backend() or self._backend or 0


def _backend() -> int | None:
    """The server process behind this thread's connection, if it has one."""
    return connection.connection.info.backend_pid if connection.connection is not None else None


def _provider_is_slow() -> None:
    """The next answer does not come in time; whether it was done is for the simulator to know."""
    faults = {"rate": 1, "kinds": ["timeout_done", "timeout_not_done"], "seed": os.getpid()}
    httpx.post(f"{settings.SIMULATOR_URL}/faults", json=faults, trust_env=False).raise_for_status()
    provider._client().timeout = httpx.Timeout(SOON)


def provider_is_well() -> None:
    """As before."""
    httpx.post(f"{settings.SIMULATOR_URL}/faults", json={"rate": 0}, trust_env=False).raise_for_status()
    provider._client().timeout = httpx.Timeout(provider.READ_SECONDS, connect=provider.CONNECT_SECONDS)
    _patience.undo()
