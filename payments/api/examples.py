"""Requests of a webshop and their answers, as the OpenAPI document shows them; a test performs them and compares."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).with_name("examples.json")


@cache
def examples() -> dict[str, dict[str, Any]]:
    """`{"request", "status", "answer"}` by the name of the operation."""
    read: dict[str, dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return read
