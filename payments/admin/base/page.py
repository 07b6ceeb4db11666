"""What a page about one object is made of: facts, sections of rows, and actions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

ID: Final = "id"  # the name of the fact that is for machines


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so."""

    name: Any
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of the page; one without rows says so by `empty`, or is left out."""

    id: str
    title: Any
    columns: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    empty: Any = ""
    totals: Sequence[Any] = ()
    more: Any = ""  # where the rest of it is, if not all rows are here

    @property
    def heads(self) -> list[tuple[Any, bool]]:
        """Each column's title, and whether amounts stand in it, at its end."""
        return [
            (title, any(str(row[at]).startswith('<span class="ot-amount') for row in self.rows))
            for at, title in enumerate(self.columns)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All of it."""

    title: Any
    facts: Sequence[Fact]
    label: Any = ""
    sections: Sequence[Section] = ()
    notes: Sequence[Any] = field(default_factory=tuple)

    @property
    def readable(self) -> list[Fact]:
        """What people read."""
        return [fact for fact in self.facts if fact.name != ID]

    @property
    def technical(self) -> list[Fact]:
        """What nobody reads but may copy."""
        return [fact for fact in self.facts if fact.name == ID]
