"""How a test has its lives lived: in children of `forge.py`, with a receiver that outlives them."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

from tests.notify.receiver import Receiver, running
from tests.simulator import PROJECT

HOOK: Final = "/shop"


class Forge:
    """The process that forks, and the server where the shop receives its events."""

    def __init__(self, process: "subprocess.Popen[str]", receiver: Receiver) -> None:
        self.process, self.receiver = process, receiver

    def passages(self, life: str) -> dict[str, int]:
        """How often a life passes each point, where nothing breaks; it must end well."""
        heard = self._order(life=life, mend=True)
        assert heard.get("wrong") == [], heard
        return Counter(heard["hits"])

    def strike(self, life: str, point: str, mode: str, *, nth: int = 1) -> list[str]:
        """Break a life at a point, let it be mended, and return what is wrong afterwards."""
        slow = point == "deliver.sending" and mode == "timeout"
        self.receiver.slow[HOOK] = 2.0 if slow else 0.0
        heard = self._order(life=life, point=point, mode=mode, nth=nth, mend=mode != "kill")
        if heard["hits"] != [point]:
            return [f"{point} was not reached: {heard}"]
        if mode == "kill":
            if heard["ended"] != 9:
                return [f"it was not killed: {heard}"]
            heard = self._order(life=life, stage=heard["stage"], mend=True)
        if "wrong" not in heard:
            return [f"it did not end: {heard}"]
        return heard["wrong"] or self._untold(heard["stage"])

    def _order(self, **order: Any) -> dict[str, Any]:
        orders: IO[str] | None = self.process.stdin
        heard: IO[str] | None = self.process.stdout
        assert orders is not None
        assert heard is not None
        orders.write(json.dumps({"stage": {"receiver": self.receiver.url(HOOK)}} | order) + "\n")
        orders.flush()
        return dict(json.loads(heard.readline()))

    def _untold(self, stage: dict[str, Any]) -> list[str]:
        """Events that the shop never heard of."""
        heard = {request.event_id for request in self.receiver.at(HOOK)}
        return [f"the shop never heard of {event}" for event in stage.get("events", []) if event not in heard]


@contextmanager
def forge() -> Iterator[Forge]:
    """A forge for this process's servers and simulator."""
    with running() as receiver:
        settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "PUBLIC_URL": receiver.url("")}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forge"],
            cwd=PROJECT,
            env=os.environ
            | settings
            | {"WEBHOOK_ALLOW_PRIVATE": "1", "ALLOWED_HOSTS": "testserver"},  # as Client calls itself
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Forge(process, receiver)
        finally:
            process.communicate(timeout=30)
