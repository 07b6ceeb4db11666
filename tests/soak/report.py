"""The report of a run: one JSON object, with the seed that repeats it."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

FAULTS: Final = ("lost", "doubled", "stuck", "violations")
SHOWN: Final = 20  # of what was wrong


def report(
    soak: str, *, cases: int, seed: int, facts: Mapping[str, Any] | None = None, **wrong: Sequence[Any]
) -> dict[str, Any]:
    """One line: how many cases, how many of them ended wrong and in which way, the first of those, and other facts."""
    found = {fault: list(wrong.pop(fault, ())) for fault in FAULTS}
    assert not wrong, f"these are no faults: {sorted(wrong)}"
    counts = {fault: len(rows) for fault, rows in found.items()}
    detail = list(chain(*found.values()))[:SHOWN]
    return {"soak": soak, "seed": seed, "cases": cases, **counts, "detail": detail, **(facts or {})}


def is_clean(line: dict[str, Any]) -> bool:
    """Nothing lost, nothing doubled, nothing stuck, and the books are clean."""
    return not any(line[fault] for fault in FAULTS)
