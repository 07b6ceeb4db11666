"""The drivers by their code, as the settings name them."""

from functools import cache
from typing import Final

from django.conf import settings
from django.utils.module_loading import import_string

from terminals.providers.base import TerminalDriver

OWN: Final = "onetill_device"


def driver(code: str) -> TerminalDriver:
    """The driver of this code.

    Raises:
        KeyError: there is none.
    """
    return _load(settings.TERMINAL_DRIVERS[code])


def drivers() -> dict[str, TerminalDriver]:
    """All of them, by their code."""
    return {code: driver(code) for code in settings.TERMINAL_DRIVERS}


@cache
def _load(path: str) -> TerminalDriver:
    made: TerminalDriver = import_string(path)()
    return made
