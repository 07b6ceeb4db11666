"""A maker of terminals that runs beside the tests, and may be killed and started again."""

import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from config.sandbox.terminal_maker import server
from terminals.providers import simulator


class RunningMaker:
    """The maker's process: `restart` is what a power cut and its end do."""

    def __init__(self, path: Path, settings: Any) -> None:
        self._path, self._settings = path, settings
        self.start()

    def start(self) -> None:
        self._server: ThreadingHTTPServer = server(port=0, path=self._path, silence=2.0)
        self._settings.TERMINAL_SIMULATOR_URL = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def requests(self) -> Any:
        """What it was ever asked for."""
        return json.loads(self._path.read_text()) if self._path.exists() else {}

    def restart(self) -> None:
        self.stop()
        self.start()


@pytest.fixture
def maker(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningMaker]:
    """Answers within a second count; so long nobody waits in a test."""
    monkeypatch.setattr(simulator, "TIMEOUT", 1.0)
    simulator._client.cache_clear()
    running = RunningMaker(tmp_path / "maker.json", settings)
    yield running
    running.stop()
    simulator._client.cache_clear()
