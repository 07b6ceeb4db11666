"""Card numbers: recognized wherever they hide, refused in what people type, masked in what machines report.

Rule of the contract: digits with single spaces or dashes between, no digit before or after, valid by Luhn
(ISO/IEC 7812-1, annex B), of a scheme's own range *and* length: a large shop system numbers its orders with 13 digits,
of which one in ten would pass by Luhn's sum alone.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

from payments.core.ids import PATTERN as ID_PATTERN

SHORTEST: Final = 13
LONGEST: Final = 19
LONGEST_RUN: Final = 1000  # characters of digits in groups; nobody writes more, and each would have to be looked at
SHOWN: Final = 4  # digits that a masked number keeps
_RUN: Final = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,}(?![0-9])")
# The ranges that schemes issue, each with the lengths of its numbers.
_RANGES: Final[tuple[tuple[str, range | tuple[int, ...]], ...]] = (
    ("4", (16, 19)),  # Visa
    ("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
    ("3[47]", (15,)),  # American Express
    ("30[0-5]|3[68]", (14,)),  # Diners Club
    ("352[89]|35[3-8]", (16,)),  # JCB
    ("6011|64[4-9]|65", (16,)),  # Discover
    ("5018|5020|5038|6304|6759|676", range(13, 20)),  # Maestro
    ("62|81", range(16, 20)),  # UnionPay
)
_PREFIX: Final = {
    length: re.compile("|".join(prefix for prefix, lengths in _RANGES if length in lengths))
    for length in range(SHORTEST, LONGEST + 1)
}
_BEGINNING: Final = re.compile(r"(?<![0-9])(?:[3-6]|8[ -]?1|2[ -]?[2-7])")  # as most runs have none: dates, counters
_LUHN_DOUBLE: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_DOUBLED: Final = str.maketrans("0123456789", "".join(map(str, _LUHN_DOUBLE)))


def has_card_number(text: str) -> bool:
    """Tell whether a card number stands anywhere in `text` (our own ids apart)."""
    return next(card_numbers(text), None) is not None


def mask_card_numbers(text: str) -> str:
    """Return `text` with every card number in it reduced to its last four digits."""
    return masked_at(text, card_numbers(text))


def masked_at(text: str, places: Iterable[tuple[int, int]]) -> str:
    """Return `text` with the card numbers at these places reduced to their last four digits."""
    characters: list[str] = []
    for start, end in places:
        characters = characters or list(text)
        digits = [at for at in range(start, end) if text[at].isdigit()]
        for at in digits[:-SHOWN]:
            characters[at] = "*"
    return "".join(characters) or text


def card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers stand, our own ids apart; of digits in groups the places may overlap."""
    runs = [run.span() for run in _RUN.finditer(text)] if len(text) >= SHORTEST else []
    runs = [run for run in runs if _BEGINNING.search(text, *run)]
    ids = [match.span() for match in ID_PATTERN.finditer(text)] if runs else []
    for start, end in outside(runs, ids):
        yield from _card_numbers(text, start, end)


def outside(places: Iterable[tuple[int, int]], spared: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Those of the places that lie within none of the spared ones; both in order, and of these none within another."""
    at = 0
    for start, end in places:
        while at < len(spared) and spared[at][1] <= start:
            at += 1
        if at == len(spared) or start < spared[at][0] or spared[at][1] < end:
            yield start, end


def mask_tree(value: Any) -> tuple[Any, bool]:
    """Mask every string in a JSON value, keys too; the second value is whether there was anything to mask."""
    if isinstance(value, str):
        masked = mask_card_numbers(value)
        return masked, masked != value
    if isinstance(value, dict):
        pairs = [(mask_tree(key), mask_tree(item)) for key, item in value.items()]
        return {key[0]: item[0] for key, item in pairs}, any(key[1] or item[1] for key, item in pairs)
    if isinstance(value, list | tuple):
        items = [mask_tree(item) for item in value]
        return [item[0] for item in items], any(item[1] for item in items)
    return value, False


def _card_numbers(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Where card numbers stand in a run of digit groups: "4111111111111111 2026" holds one beside a year.

    Every span of whole groups is one candidate. Sums from the run's beginning, one for each parity of the digits that
    are doubled, give Luhn's sum of any of them at once. A run longer than `LONGEST_RUN` counts as one, whole and
    unread: a file of digits must not cost minutes.
    """
    run = text[begin:end]
    if run.isdigit():
        if len(run) <= LONGEST and _PREFIX[len(run)].match(run) and _passes_luhn(run):
            yield begin, end
        return
    if len(run) > LONGEST_RUN:
        yield begin, end
        return
    places = [at for at in range(begin, end) if text[at].isdigit()]
    digits = [int(text[at]) for at in places]
    sums = [_sums(digits, parity) for parity in (0, 1)]
    starts = [at for at in range(len(places)) if at == 0 or places[at] != places[at - 1] + 1]
    ends = {*starts[1:], len(places)}
    for first in starts:
        beginning = "".join(map(str, digits[first : first + 4]))
        for last in range(first + SHORTEST, min(first + LONGEST, len(places)) + 1):
            summed = last in ends and (sums[last % 2][last] - sums[last % 2][first]) % 10 == 0
            if summed and _PREFIX[last - first].match(beginning):
                yield places[first], places[last - 1] + 1


def _passes_luhn(digits: str) -> bool:
    return (sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))) % 10 == 0


def _sums(digits: list[int], doubled: int) -> list[int]:
    """Running sums in which the digits at places of one parity are doubled as Luhn does."""
    values = (_LUHN_DOUBLE[digit] if at % 2 == doubled else digit for at, digit in enumerate(digits))
    return list(accumulate(values, initial=0))
