"""Compare closed shifts with the books: differences down to the transactions, one discrepancy per shift."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind
from payments.services import discrepancy
from payments.text.messages import message_columns
from terminals import totals
from terminals.models import Shift, Terminal
from terminals.sequences import joined
from terminals.shift_report import DECLINED, SALE, counted
from terminals.totals import Counted, Group, Number, Numbers

MOST_RANGES: Final = 100
_OVERLAPS: Final = gettext_noop("Shift {shift} of {terminal} covers numbers that another shift of it has closed.")
_DIFFERS: Final = gettext_noop("Shift {shift} of {terminal}: the device counts {device}, the books {books}.")
_DIFFERS_IN_COUNT: Final = gettext_noop(
    "Shift {shift} of {terminal} differs from the books in {count} of its totals per brand and type."
)


def follow(
    terminal: Terminal, numbers: Collection[int], *, series: int, now: datetime, differing: bool = False
) -> None:
    """Compare the closed shifts of a locked terminal again that any of these numbers belongs to.

    `differing`: those that differ too, since what waited may have been placed under any of their numbers.
    """
    closed = Shift.objects.filter(terminal=terminal, series=series).exclude(status=Shift.Status.OPEN)
    within = Q(first_sequence__lte=max(numbers), last_sequence__gte=min(numbers)) if numbers else Q(pk__in=[])
    rows = closed.filter(within | Q(status=Shift.Status.DIFFERS)) if differing else closed.filter(within)
    for shift in rows.select_related("corrected_by").order_by("id"):
        shift.terminal = terminal
        judge(shift, now=now)
        shift.save(update_fields=["status", "differences", "overlaps", "judged_at"])


def judge(shift: Shift, *, now: datetime) -> None:
    """Set the verdict of a closed shift, and bring its discrepancy in line; the caller writes the shift."""
    kept = shift.corrected_by.posted["totals"] if shift.corrected_by is not None else shift.totals
    shift.differences = differences(numbers_of(shift), kept)
    shift.overlaps = list(_overlapped(shift))
    shift.status = Shift.Status.DIFFERS if shift.differences or shift.overlaps else Shift.Status.AGREES
    shift.judged_at = now
    _tell(shift)


def numbers_of(shift: Shift) -> Numbers:
    """Return the numbers that a closed shift covers."""
    return Numbers(
        terminal_id=shift.terminal_id,
        series=shift.series,
        first=shift.first_sequence,
        last=shift.last_sequence or 0,
    )


def differences(numbers: Numbers, kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return where a device's totals and the books differ, each with the numbers that may explain it."""
    device, books = counted(kept), totals.booked(numbers)
    if not any(group.type == DECLINED for group in device):  # many devices do not count them
        books = {group: sums for group, sums in books.items() if group.type != DECLINED}
    groups = sorted(
        group for group in device.keys() | books.keys() if device.get(group, Counted()) != books.get(group, Counted())
    )
    if not groups:
        return []
    missing, rows = totals.missing(numbers), totals.explaining(numbers, groups)
    return [
        {
            "brand": group.brand or None,
            "type": group.type,
            "currency": group.currency,
            "device": asdict(device.get(group, Counted())),
            "books": asdict(books.get(group, Counted())),
            "sequences": _explaining(
                group, device.get(group, Counted()), books.get(group, Counted()), rows=rows, missing=missing
            ),
        }
        for group in groups
    ]


def _explaining(
    group: Group, device: Counted, books: Counted, *, rows: Sequence[Number], missing: list[list[int]]
) -> list[list[int]]:
    """The numbers that a person looks at first: what the device has not sent, or has not counted."""
    own = [row for row in rows if row.group == group]
    doubtful = [row.sequence for row in rows if row.doubtful and group.type in (row.posted_as, DECLINED)]
    if device.count > books.count:
        return joined([*missing, *_ranges(doubtful)])
    # One that alone makes the difference is likelier than all that are counted together.
    alone = [row.sequence for row in own if row.amount == books.amount - device.amount]
    if device.count == books.count - 1 and alone:
        return _ranges(alone)
    in_doubt = [row.sequence for row in own if row.doubtful]
    found = _ranges(in_doubt or [row.sequence for row in own])
    # Hundreds of single numbers explain nothing: then they are all of the group's from the first to the last.
    return found if len(found) <= MOST_RANGES else [[found[0][0], found[-1][1]]]


def _ranges(numbers: Sequence[int]) -> list[list[int]]:
    return joined([[number, number] for number in numbers])


def _overlapped(shift: Shift) -> Sequence[str]:
    """Earlier shifts of the series that cover one of its numbers."""
    others = Shift.objects.filter(terminal=shift.terminal_id, series=shift.series, id__lt=shift.id)
    within = others.filter(first_sequence__lte=shift.last_sequence or 0, last_sequence__gte=shift.first_sequence)
    # One of no transactions covers none, though its ends lie within the other.
    return [other.id for other in within.order_by("id") if other.first_sequence <= (other.last_sequence or 0)]


def _tell(shift: Shift) -> None:
    key, merchant = f"shift_differs:{shift.id}", shift.terminal.merchant
    if shift.status == Shift.Status.AGREES:
        keys = [key, f"shift_conflict:{shift.id}"] if shift.corrected_by_id else [key]
        discrepancy.resolve_discrepancies(merchant=merchant, keys=keys, actor=shift.terminal_id)
        return
    columns = _columns(shift)
    update = partial(discrepancy.update_open_discrepancy, merchant=merchant, key=key)
    # What a person has resolved is not opened again for a difference that has not grown since.
    if update(**columns) or not _is_news(shift, key):
        return
    row = Discrepancy(
        merchant=merchant,
        kind=DiscrepancyKind.SHIFT_DIFFERS,
        key=key,
        channel_id=shift.channel_id,
        terminal_id=shift.terminal_id,
        **columns,
    )
    discrepancy.open_discrepancies([row])


def _is_news(shift: Shift, key: str) -> bool:
    last = Discrepancy.objects.filter(merchant=shift.merchant_id, key=key).order_by("-id").first()
    return last is None or (last.amount, last.sequences) != (_difference(shift)[0], _sequences(shift))


def _columns(shift: Shift) -> dict[str, Any]:
    amount, currency = _difference(shift)
    about = {"shift": shift.label, "terminal": shift.terminal.label}
    if not shift.differences:
        text = message_columns(_OVERLAPS, **about)
    elif amount is None or currency is None or amount == 0:
        text = message_columns(_DIFFERS_IN_COUNT, **about, count=len(shift.differences))
    else:
        sums = {side: Money(_net(shift, side), currency) for side in ("device", "books")}
        text = message_columns(_DIFFERS, **about, **sums)
    return {"amount": amount, "currency": currency, "sequences": _sequences(shift), **text}


def _difference(shift: Shift) -> tuple[int | None, str | None]:
    """How much less (or more) the device counts than the books, if all is in one currency."""
    currencies = {each["currency"] for each in shift.differences}
    if len(currencies) != 1:
        return None, None
    return _net(shift, "device") - _net(shift, "books"), currencies.pop()


def _net(shift: Shift, side: str) -> int:
    """What came in by the totals that differ, less what went out."""
    signs = [(1 if each["type"] == SALE else -1, each[side]["amount"]) for each in _moving(shift)]
    return sum(sign * amount for sign, amount in signs)


def _moving(shift: Shift) -> list[dict[str, Any]]:
    return [each for each in shift.differences if each["type"] != DECLINED]


def _sequences(shift: Shift) -> list[list[int]]:
    return joined([span for each in shift.differences for span in each["sequences"]])
