"""What a source has written of one payout: a JSON object a line, first the payout, then its parts, last the end.

The end says how many parts there are, so that a file which was cut off is known as one.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from payments.core.money import Money
from payments.providers.payload import NOTHING, Payload, decoded, text, whole
from reconciliation.formats import text as texts
from reconciliation.formats.base import Problem, Record, Sums, Unreadable

Rows = Iterator[tuple[int, Payload]]  # each with its line


def opened(stream: BinaryIO) -> tuple[Payload, Rows]:
    """Return the payout, and what comes after it."""
    rows = ((number, decoded(line.encode())) for number, line in enumerate(texts.lines(stream), 1))
    _, payout = next(rows, (1, NOTHING))
    return payout, rows


def parts(
    rows: Rows, read: Callable[[int, Payload], Iterator[Record]], end: Callable[[int], Iterator[Record]]
) -> Iterator[Record]:
    """Yield what is read of each part and, given its line, of the end.

    Raises:
        Unreadable: the file ends without its end.
    """
    count = 0
    for number, row in rows:
        if text(row, "object") == "end":
            if whole(row, "count") != count:
                announced = whole(row, "count")
                yield Problem(number, "file_truncated", f"{announced} lines are announced, {count} are here.")
            yield from end(number)
            for later, _ in rows:
                yield Problem(later, "record_invalid", f"Line {later} stands after the end.")
            return
        count += 1
        yield from read(number, row)
    raise Unreadable(count + 1, "file_truncated", "The file ends without its last line. Read it at the provider again.")


def totals(sums: Sums) -> tuple[Money, Money, Money, Money]:
    """Return what the lines come to: gross, fee, VAT and net."""
    gross, fee, vat, net = (Money(sums.totals.get(name, 0), sums.currency) for name in ("gross", "fee", "vat", "net"))
    return gross, fee, vat, net
