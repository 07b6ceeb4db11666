"""The process of polls and streams, as `make run` starts it, on a test's database."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.ports import free_ports
from tests.simulator import eventually


@contextmanager
def streaming() -> Iterator[str]:
    """Where it listens, while it runs."""
    port = free_ports()
    granian = Path(sys.executable).with_name("granian")
    place = ["--interface", "asginl", "--host", "127.0.0.1", "--port", str(port), "--no-ws", "--log-level", "error"]
    process = subprocess.Popen([str(granian), *place, "config.asgi:application"], cwd=Path(__file__).parents[1])
    try:
        eventually(lambda: _answers(f"http://127.0.0.1:{port}/health/live"), within=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, verify=False).is_success
    except httpx.TransportError:
        return False
