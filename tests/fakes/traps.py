"""Switches for what goes wrong at one provider and no other: its traps, each sprung once, some times, or always."""

from collections import Counter
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T", bound=StrEnum)


class Traps(Generic[T]):
    """The traps that are set."""

    def __init__(self) -> None:
        self._left: Counter[T] = Counter()
        self._always: set[T] = set()
        self.sprung: Counter[T] = Counter()

    def set(self, *traps: T, times: int = 1) -> None:
        """Set them, for the next `times` that they could spring."""
        self._left.update(dict.fromkeys(traps, times))

    def always(self, *traps: T) -> None:
        """Set them until `clear`."""
        self._always.update(traps)

    def clear(self) -> None:
        """Set none any more."""
        self._left.clear()
        self._always.clear()

    def springs(self, trap: T) -> bool:
        """Whether it springs now; one that was set for some times is used up by this."""
        if trap not in self._always and self._left[trap] <= 0:
            return False
        self._left[trap] -= trap not in self._always
        self.sprung[trap] += 1
        return True
