"""A device opens or closes a shift; what it counted is compared with the books at once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from payments.core.errors import Fault, ValidationFailed
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind
from payments.notify.services.emit import NewEvent, emit
from payments.services import discrepancy
from payments.text.messages import message_columns
from terminals import payloads, schemas
from terminals.models import Shift, ShiftConflict, Terminal
from terminals.services import judge_shifts
from terminals.services.authenticate import Key, Signed
from terminals.services.idempotency import Carried, Rendered, answer_once
from terminals.services.posted import LEAP
from terminals.shift_report import ShiftReport
from terminals.sql import DeviceRequestState


@dataclass(frozen=True, slots=True)
class ShiftOutcome:
    """What became of a reported shift: `new` where this report has opened or closed it, else a repetition."""

    shift: Shift
    new: bool = False
    conflict: bool = False


Render = Callable[[ShiftOutcome], Rendered]


def report_shift(signed: Signed, key: Key, report: ShiftReport, *, render: Render) -> Rendered:
    """Record that a device opened or closed a shift, and compare a closed one with the books.

    Raises:
        Unauthenticated: the key is no longer the terminal's.
        ValidationFailed: its last number lies too far above the highest seen.
        Conflict: `signature_reused`.
    """

    def carry_out(terminal: Terminal, state: DeviceRequestState) -> Carried:
        return Carried(render(_report(terminal, report, now=timezone.now())))

    return answer_once(signed, key, carry_out)


def _report(terminal: Terminal, report: ShiftReport, *, now: datetime) -> ShiftOutcome:
    """Record a shift of a locked terminal; joins the caller's transaction."""
    _check_reach(terminal, report)
    known = _known(terminal, report.label)
    if known is None:
        shift = _new(terminal, report)
    elif _opens_the_same(known, report):
        return ShiftOutcome(known)
    elif known.status == Shift.Status.OPEN and report.closed_at is not None and _is_of(known, report):
        shift = known
    elif known.content is not None and bytes(known.content) == report.content:
        return ShiftOutcome(known)
    else:
        return _keep_conflict(known, report, now=now)
    if report.closed_at is not None:
        _close(shift, report, now=now)
    shift.save()
    if shift.status != Shift.Status.OPEN:
        emit([_event(shift)])
    return ShiftOutcome(shift, new=True)


def _check_reach(terminal: Terminal, report: ShiftReport) -> None:
    highest = terminal.last_sequence + LEAP
    for name, number in (("first_sequence", report.first_sequence), ("last_sequence", report.last_sequence)):
        if number is not None and number > highest:
            detail = f"The highest seen is {terminal.last_sequence}; one is at most {LEAP} above it."
            raise ValidationFailed([Fault(name, schemas.OUT_OF_RANGE, detail)])


def _known(terminal: Terminal, label: str) -> Shift | None:
    rows = Shift.objects.select_related("corrected_by").filter(terminal=terminal, series=terminal.series, label=label)
    shift = rows.first()
    if shift is not None:
        shift.terminal, shift.merchant, shift.channel = terminal, terminal.merchant, terminal.channel
    return shift


def _new(terminal: Terminal, report: ShiftReport) -> Shift:
    return Shift(
        merchant=terminal.merchant,
        channel=terminal.channel,
        terminal=terminal,
        series=terminal.series,
        label=report.label,
        opened_at=report.opened_at,
        business_day=terminal.merchant.business_day(report.opened_at),
        first_sequence=report.first_sequence,
    )


def _opens_the_same(shift: Shift, report: ShiftReport) -> bool:
    """Whether this repeats how the shift was opened, perhaps after its close has come."""
    return report.closed_at is None and _is_of(shift, report)


def _is_of(shift: Shift, report: ShiftReport) -> bool:
    return (shift.opened_at, shift.first_sequence) == (report.opened_at, report.first_sequence)


def _close(shift: Shift, report: ShiftReport, *, now: datetime) -> None:
    shift.closed_at, shift.last_sequence = report.closed_at, report.last_sequence
    shift.business_day = shift.terminal.merchant.business_day(report.closed_at or report.opened_at)
    shift.totals, shift.content = report.totals or [], report.content
    judge_shifts.judge(shift, now=now)


def _keep_conflict(shift: Shift, report: ShiftReport, *, now: datetime) -> ShiftOutcome:
    """Keep another content beside the first. One that agrees with the books is a correction, and counts from now on."""
    kept, made = ShiftConflict.objects.get_or_create(
        shift=shift, content=report.content, defaults={"posted": report.kept, "received_at": now}
    )
    if made and not _corrects(shift, kept, report, now=now):
        _tell(shift)
    return ShiftOutcome(shift, conflict=True)


def _corrects(shift: Shift, kept: ShiftConflict, report: ShiftReport, *, now: datetime) -> bool:
    """Whether a later report of the same numbers agrees with the books where the first did not."""
    same_numbers = _is_of(shift, report) and report.last_sequence == shift.last_sequence
    if shift.status != Shift.Status.DIFFERS or not same_numbers:
        return False
    if judge_shifts.differences(judge_shifts.numbers_of(shift), report.totals or []):
        return False
    with transaction.atomic(savepoint=False):
        shift.corrected_by = kept
        judge_shifts.judge(shift, now=now)
        shift.save()
    return True


def _tell(shift: Shift) -> None:
    text = gettext_noop("{terminal} has reported shift {shift} twice, with different content. The first one counts.")
    row = Discrepancy(
        merchant=shift.merchant,
        kind=DiscrepancyKind.SHIFT_DIFFERS,
        key=f"shift_conflict:{shift.id}",
        channel_id=shift.channel_id,
        terminal_id=shift.terminal_id,
        **message_columns(text, terminal=shift.terminal.label, shift=shift.label),
    )
    discrepancy.open_discrepancies([row])


def _event(shift: Shift) -> NewEvent:
    return NewEvent(
        merchant_id=shift.merchant_id,
        channel_id=shift.channel_id,
        type="terminal.shift_closed",
        object_type=shift.OBJECT,
        object_id=shift.id,
        data={"object": payloads.shift(shift)},
        test_mode=shift.merchant.test_mode,
    )
