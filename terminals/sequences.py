"""Arithmetic on sequence numbers: which of a series were never recorded, as inclusive ranges."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

Ranges = list[list[int]]


def after(
    missing: Sequence[Sequence[int]], last: int, *, seen: Iterable[int], recorded: Iterable[int]
) -> tuple[Ranges, int]:
    """The missing ranges and the highest number once these came in.

    What was seen but not recorded (a refused transaction) is missing too: a corrected one may follow.
    """
    highest = max([last, *seen])
    ranges = [[first, end] for first, end in missing]
    if highest > last:
        # All in between is missing until it is recorded, this request's own numbers too: they are cut out below.
        ranges.append([last + 1, highest])
    return _without(joined(ranges), sorted(set(recorded))), highest


def recorded(missing: Sequence[Sequence[int]], last: int, numbers: Iterable[int]) -> list[int]:
    """Those of `numbers` that came before: not above the last, and in no missing range."""
    return [number for number in numbers if number <= last and not _is_within(missing, number)]


def count(missing: Iterable[Sequence[int]]) -> int:
    """How many numbers the ranges hold."""
    return sum(end - first + 1 for first, end in missing)


def joined(ranges: Iterable[Sequence[int]]) -> Ranges:
    """The same numbers in as few ranges as there can be, ascending."""
    found: Ranges = []
    for first, end in sorted((first, end) for first, end in ranges):
        if found and first <= found[-1][1] + 1:
            found[-1][1] = max(end, found[-1][1])
        else:
            found.append([first, end])
    return found


def _is_within(ranges: Sequence[Sequence[int]], number: int) -> bool:
    # By halves: a device that lost its memory may have left thousands of ranges.
    at = bisect_right(ranges, number, key=lambda range_: range_[0]) - 1
    return at >= 0 and number <= ranges[at][1]


def _without(ranges: Ranges, recorded: Sequence[int]) -> Ranges:
    """Cut numbers out of ranges; both ascend, so one walk over each is enough."""
    left: Ranges = []
    at = 0
    for first, end in ranges:
        begin = first
        while at < len(recorded) and recorded[at] < begin:
            at += 1
        while at < len(recorded) and recorded[at] <= end:
            if recorded[at] > begin:
                left.append([begin, recorded[at] - 1])
            begin = recorded[at] + 1
            at += 1
        if begin <= end:
            left.append([begin, end])
    return left
