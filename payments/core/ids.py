"""Ids with a prefix for their type, which sort by the time they were created."""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Lock
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case
LENGTH: Final = 26
MAX_LENGTH: Final = 30
PATTERN: Final = re.compile(rf"[a-z]{{2,3}}_[{ALPHABET}]{{{LENGTH}}}")
_PAIRS: Final = [first + second for first in ALPHABET for second in ALPHABET]
_LOW: Final = (1 << 70) - 1

_lock = Lock()
_last = 0
_moment: datetime | None = None  # instead of the clock's


def new_id(prefix: str) -> str:
    """Return `prefix_` and 26 characters: 48 bits of milliseconds, a counter's 12 and 70 random ones.

    Within one process the ids strictly ascend; between processes they sort by millisecond.
    """
    global _last
    with _lock:
        milliseconds = time.time_ns() // 1_000_000 if _moment is None else _milliseconds(_moment)
        moment = max(milliseconds << 12, _last + 1)
        _last = moment
    number = moment << 70 | int.from_bytes(os.urandom(9)) >> 2
    return f"{prefix}_{_encode(number)}"


@contextlib.contextmanager
def made_in(moment: datetime) -> Iterator[None]:
    """Let the ids of this process be those of a past moment: what is made up afterwards has its place in time."""
    global _moment, _last
    before = _moment, _last
    with _lock:
        _moment, _last = moment, 0
    try:
        yield
    finally:
        with _lock:
            _moment, _last = before


def earliest(prefix: str, moment: datetime) -> str:
    """No id made at this moment or later sorts before it."""
    return f"{prefix}_{_encode(max(0, _milliseconds(moment)) << 82)}"


def is_id(text: str, prefix: str) -> bool:
    """Tell whether `text` has the form of an id of this kind (not whether such an object exists)."""
    return text.startswith(prefix + "_") and PATTERN.fullmatch(text) is not None


def made_at(id_: str) -> datetime:
    """The moment at which an id was made, to the millisecond.

    Raises:
        ValueError: it is no id of ours.
    """
    if PATTERN.fullmatch(id_) is None:
        raise ValueError(f"{id_!r} is no id of ours")
    number = 0
    for digit in id_.partition("_")[2]:
        number = number * 32 + ALPHABET.index(digit)
    return datetime.fromtimestamp((number >> 82) / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _encode(number: int) -> str:
    """In base 32, two digits at a time: twelve from the moment and fourteen from the rest."""
    high, low, pair = number >> 70, number & _LOW, _PAIRS
    return (
        f"{pair[high >> 50]}{pair[high >> 40 & 1023]}{pair[high >> 30 & 1023]}"
        f"{pair[high >> 20 & 1023]}{pair[high >> 10 & 1023]}{pair[high & 1023]}"
        f"{pair[low >> 60]}{pair[low >> 50 & 1023]}{pair[low >> 40 & 1023]}{pair[low >> 30 & 1023]}"
        f"{pair[low >> 20 & 1023]}{pair[low >> 10 & 1023]}{pair[low & 1023]}"
    )
