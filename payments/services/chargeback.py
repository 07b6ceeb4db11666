"""Chargebacks: what a cardholder's bank takes back, and returns, reported in any order and any number of times.

Every step of a dispute is stored once. Its status follows from all of them: from the furthest stage that was reached,
and in it from the latest end. So the order of arrival does not matter, and a stage of which only the end was reported
counts as opened, too.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop

from payments.accounting import journal
from payments.core.money import Money
from payments.models import Chargeback, ChargebackStep, Payment, StatisticDelta
from payments.models.discrepancy import DiscrepancyKind
from payments.providers.base import ProviderReport, ReportType
from payments.services import charge_transitions
from payments.services.unit_of_work import UnitOfWork
from payments.text.messages import Translatable, message_columns

Status = Chargeback.Status
Stage = Chargeback.Stage
_STATUS: Final = {
    ReportType.CHARGEBACK_INQUIRY: Status.INQUIRY,
    ReportType.CHARGEBACK_OPENED: Status.OPEN,
    ReportType.CHARGEBACK_WON: Status.WON,
    ReportType.CHARGEBACK_LOST: Status.LOST,
}
FACTS: Final = frozenset(_STATUS)
_RANK: Final[dict[str, int]] = {stage.value: rank for rank, stage in enumerate(Stage)}
_CLOSED: Final = frozenset({Status.WON, Status.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeReport:
    """One reported step of a dispute, which keeps its `reference` in all stages; `amount` is in minor units."""

    reference: str
    stage: Stage
    status: Status
    amount: int
    reason: str
    at: datetime
    respond_by: datetime | None

    @classmethod
    def of(cls, report: ProviderReport, payment: Payment, now: datetime) -> "DisputeReport":
        """What a report says; what it leaves open is the whole sale, and now."""
        amount = report.result.amount
        return cls(
            reference=report.result.reference or "",
            stage=_stage(report),
            status=_STATUS[report.fact],
            amount=amount.amount if amount is not None else payment.amount_captured,
            reason=(report.reason or report.result.code or "")[:200],
            at=report.result.occurred_at or now,
            respond_by=report.respond_by,
        )


def chargeback_reported(uow: UnitOfWork, payment: Payment, report: DisputeReport) -> Chargeback:
    """Apply one report on a payment's chargeback. The money leaves when it is opened, not when it is lost."""
    # The order is locked by the caller: two reports of one dispute cannot both begin it.
    row = _find(uow, payment, report.reference) or _begin(uow, payment, report)
    if report.reason and not row.reason:
        uow.change(row, reason=report.reason)
    # A step is stored once, so that a third turn would change nothing and be lost: a person must see it.
    if _turns_again(uow, row, report):
        _note_turn(uow, row, payment, report.status)
        return row
    is_new = _note(uow, row, report)
    # Before anything is booked: what is opened below is booked with the amount of this report.
    _note_amount(uow, row, payment, report)
    current = _current_step(uow.steps[row.id])
    # What was reported may be older than what is known: what is booked follows from all steps, not from this one.
    if current.stage != Stage.INQUIRY:
        _follow(uow, row, payment, current)
    elif is_new:
        _inquire(uow, row, current)
    uow.change(row, respond_by=None if row.status in _CLOSED else current.respond_by)
    return row


def _stage(report: ProviderReport) -> Stage:
    """An inquiry may come to nothing; what is opened or lost in one is a chargeback."""
    if report.fact == ReportType.CHARGEBACK_INQUIRY:
        return Stage.INQUIRY
    stage = Stage(report.stage or Stage.CHARGEBACK)
    return Stage.CHARGEBACK if stage == Stage.INQUIRY and report.fact != ReportType.CHARGEBACK_WON else stage


def _find(uow: UnitOfWork, payment: Payment, reference: str) -> Chargeback | None:
    key = (payment.id, reference)
    if key not in uow.chargebacks:
        row = Chargeback.objects.filter(payment=payment, provider_reference=reference).first()
        if row is None:
            return None
        row.merchant, row.order, row.payment = uow.merchant, payment.order, payment
        uow.chargebacks[key] = row
        uow.steps[row.id] = list(ChargebackStep.objects.filter(chargeback=row))
    return uow.chargebacks[key]


def _begin(uow: UnitOfWork, payment: Payment, report: DisputeReport) -> Chargeback:
    row = Chargeback(
        merchant=uow.merchant,
        order=payment.order,
        payment=payment,
        item=uow.next_open_item(),
        provider_reference=report.reference,
        amount=report.amount,
        currency=payment.currency,
        stage=Stage.INQUIRY,
        status=Status.INQUIRY,
        opened_at=report.at,
        created_at=uow.now,
    )
    uow.steps[row.id] = []
    return uow.add(row)


def _turns_again(uow: UnitOfWork, row: Chargeback, report: DisputeReport) -> bool:
    """Whether a stage that was decided both ways is now reported to have ended the other way once more."""
    ends = [step for step in uow.steps[row.id] if step.stage == report.stage and step.status in _CLOSED]
    if report.stage != row.stage or report.status not in _CLOSED or len(ends) < len(_CLOSED):
        return False
    latest = max(ends, key=lambda step: step.at)
    return latest.status != report.status and report.at > latest.at


def _note(uow: UnitOfWork, row: Chargeback, report: DisputeReport) -> bool:
    """Store the step, once; return whether it is new."""
    for known in uow.steps[row.id]:
        # The moment is no part of it: a repetition may carry another.
        if (known.stage, known.status) == (report.stage, report.status):
            if report.respond_by is not None and report.respond_by != known.respond_by:
                uow.change(known, respond_by=report.respond_by)
            return False
    step = ChargebackStep(
        chargeback=row, stage=report.stage, status=report.status, at=report.at, respond_by=report.respond_by
    )
    uow.steps[row.id].append(uow.add(step))
    return True


def _note_amount(uow: UnitOfWork, row: Chargeback, payment: Payment, report: DisputeReport) -> None:
    """The amount taken may be less than the inquiry's; once taken it does not change."""
    if report.amount == row.amount or report.stage == Stage.INQUIRY:
        return
    if row.stage == Stage.INQUIRY:
        uow.change(row, amount=report.amount)
        return
    uow.open_discrepancy(
        DiscrepancyKind.AMOUNT_DIFFERS,
        f"amount_differs:{row.id}",
        **message_columns(
            gettext_noop("Chargeback {id} took {taken}, the provider now tells of {told}."),
            id=row.id,
            taken=Money(row.amount, row.currency),
            told=Money(report.amount, row.currency),
        ),
        payment=payment,
        amount=report.amount - row.amount,
        currency=row.currency,
    )


def _current_step(steps: list[ChargebackStep]) -> ChargebackStep:
    """The furthest stage, and in it the latest end, or that it is open."""
    furthest = max(_RANK[step.stage] for step in steps)
    reached = [step for step in steps if _RANK[step.stage] == furthest]
    # An end counts above "open" however they are dated: a stage does not open after it has closed.
    return max(reached, key=lambda step: (step.status in _CLOSED, step.at))


def _inquire(uow: UnitOfWork, row: Chargeback, current: ChargebackStep) -> None:
    """A question, and later maybe its end: no money moves."""
    if current.status in _CLOSED:
        _transition(uow, row, current.status, closed_at=current.at)
    uow.emit("chargeback.inquiry", row)


def _follow(uow: UnitOfWork, row: Chargeback, payment: Payment, current: ChargebackStep) -> None:
    """Book the way from the row's status to that of the current step."""
    if row.stage != current.stage:
        _open(uow, row, payment, current)
    if current.status in _CLOSED and current.status != row.status:
        if row.status in _CLOSED:
            _reopen(uow, row, payment, current.at)
        _close(uow, row, payment, current)


def _open(uow: UnitOfWork, row: Chargeback, payment: Payment, current: ChargebackStep) -> None:
    """The money is taken from us, for now: for the first time, or again in a later stage."""
    first = row.stage == Stage.INQUIRY
    # Whether the money is with us now: never taken, or won back. Only then is it taken again.
    before, was_won = row.status, row.status not in (Status.OPEN, Status.LOST)
    # The end of a stage may be all that was reported; then the stage began with it.
    opened = next(
        (step for step in uow.steps[row.id] if (step.stage, step.status) == (current.stage, Status.OPEN)), current
    )
    uow.change(row, stage=current.stage)
    if was_won:
        uow.book(journal.chargeback_opened(uow.merchant, row, payment, opened.at))
    elif before == Status.LOST:
        uow.book(journal.chargeback_contested(uow.merchant, row, payment, opened.at))
    _transition(uow, row, Status.OPEN, closed_at=None, **({"opened_at": opened.at} if first else {}))
    if was_won:
        _shift(uow, row, payment, row.amount)
    uow.emit("chargeback.opened", row)


def _close(uow: UnitOfWork, row: Chargeback, payment: Payment, current: ChargebackStep) -> None:
    """Won: we have the money again. Lost: the customer keeps it."""
    if current.status == Status.WON:
        uow.book(journal.chargeback_won(uow.merchant, row, payment, current.at))
        _shift(uow, row, payment, -row.amount)
    else:
        uow.book(journal.chargeback_lost(uow.merchant, row, payment, current.at))
    _transition(uow, row, current.status, closed_at=current.at)
    uow.emit(f"chargeback.{current.status}", row)


def _reopen(uow: UnitOfWork, row: Chargeback, payment: Payment, at: datetime) -> None:
    """The scheme came to another conclusion: what was won or lost is taken back before the new one is booked."""
    uow.book(journal.chargeback_reopened(uow.merchant, row, payment, at))
    if row.status == Status.WON:
        _shift(uow, row, payment, row.amount)


def _note_turn(uow: UnitOfWork, row: Chargeback, payment: Payment, status: str) -> None:
    """A scheme decides a stage twice at most; what comes after that is for a person to look into."""
    uow.open_discrepancy(
        DiscrepancyKind.MISSING_IN_BOOKS,
        f"chargeback_turned:{row.id}:{row.stage}:{status}",
        **message_columns(
            gettext_noop(
                "The provider now tells that chargeback {id} is {status}, and it had changed before. Ask the provider."
            ),
            id=row.id,
            status=Translatable(status),
        ),
        payment=payment,
        amount=row.amount,
        currency=row.currency,
    )


def _transition(uow: UnitOfWork, row: Chargeback, status: str, **columns: datetime | None) -> None:
    """Write a transition; the one that opens a later stage names the stage in place of the status."""
    later = status == Status.OPEN and row.stage != Stage.CHARGEBACK
    uow.note_transition(row.id, row.status, row.stage if later else status)
    uow.change(row, status=status, **columns)


def _shift(uow: UnitOfWork, row: Chargeback, payment: Payment, amount: int) -> None:
    order = payment.order
    uow.change(order, charged_back=order.charged_back + amount)
    uow.change(payment, amount_charged_back=payment.amount_charged_back + amount)
    uow.add_statistics(_figures(row, payment, amount))


def _figures(row: Chargeback, payment: Payment, amount: int) -> StatisticDelta:
    """On the day it was first opened; a won one is taken back there, as if it had never been."""
    delta = charge_transitions.figures(payment, chargebacks_amount=amount)
    delta.business_day = payment.merchant.business_day(row.opened_at)
    delta.hour = row.opened_at.astimezone(payment.merchant.zone).hour
    return delta
