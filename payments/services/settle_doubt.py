"""End a doubt: what a device or a provider did not know is settled by the acquirer, or by a person with evidence.

A sale in doubt (and a refund of ours) has an operation, which is answered like any other. A refund or
reversal that a device did not know of left nothing but its evidence, and is carried out from that. Repeating it, and a
later report of the device with the same outcome, change nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from payments.db import bulk
from payments.models import CardEvidence, Channel, Discrepancy, Operation, ProviderAccount
from payments.providers.base import Outcome, ProviderReport, ReportType, Result
from payments.services.card_present import transitions
from payments.services.card_present.context import Work
from payments.services.card_present.originals import KnownTransaction, Originals
from payments.services.card_present.types import Device, DeviceOutcome, DeviceTransaction, Kind, Original
from payments.services.default_account import reporting_accounts
from payments.services.record import record
from payments.services.unit_of_work import UnitOfWork

_NOT_MADE: Final = "It is settled that this was never carried out."


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is in doubt (or was called declined, and may have been made all the same): one of the two is given."""

    operation: Operation | None = None
    evidence: CardEvidence | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody knows what came of it."""
        if self.operation is not None:
            return self.operation.outcome == Outcome.UNKNOWN
        assert self.evidence is not None
        return self.evidence.settled is None and self.evidence.posted["outcome"] == DeviceOutcome.UNKNOWN

    @property
    def was_made(self) -> bool:
        """Whether it is known by now to have moved money."""
        if self.operation is not None:
            return self.operation.outcome == Outcome.SUCCEEDED
        assert self.evidence is not None
        return self.evidence.settled == DeviceOutcome.APPROVED or self.evidence.operation_id is not None


def doubt_of(*, operation_id: str | None, evidence_id: str | None) -> Doubt | None:
    """What is known now of an operation, or of a device's transaction that has none."""
    if operation_id is None and evidence_id is not None:
        evidence = CardEvidence.objects.select_related("payment__order", "merchant").filter(id=evidence_id).first()
        if evidence is None or evidence.operation_id is None:
            return Doubt(evidence=evidence) if evidence is not None else None
        operation_id = evidence.operation_id
    related = ("provider_account__merchant", "payment", "refund_part__refund")
    operation = Operation.objects.select_related(*related).filter(id=operation_id).first()
    return Doubt(operation=operation) if operation is not None else None


def settle_doubt(
    doubt: Doubt, *, made: bool, actor: str, account: ProviderAccount | None = None, at: datetime | None = None
) -> str | None:
    """Record that it was made, or that it never was; return the id of the operation by which it then stands.

    `at` is when it happened, where no device reported that; `account` is used where no payment names one.
    """
    with transaction.atomic():
        if doubt.operation is not None:
            _answer(doubt.operation, made, actor, at)
            return doubt.operation.id
        assert doubt.evidence is not None
        return _carry_out(doubt.evidence, made, actor, account)


def _answer(operation: Operation, made: bool, actor: str, at: datetime | None) -> None:
    outcome = Outcome.SUCCEEDED if made else Outcome.DECLINED
    detail = None if made else _NOT_MADE
    happened = _happened_at(operation, at)
    result = Result(outcome=outcome, code=None if made else "declined", detail=detail, occurred_at=happened)
    report = ProviderReport(fact=ReportType(operation.verb), result=result, operation_id=operation.id)
    record(operation.provider_account, [report], actor=actor)


def _happened_at(operation: Operation, at: datetime | None) -> datetime:
    """Never before what is known, so that this report counts; nor now, so that a later report counts too."""
    happened = operation.payment.occurred_at if operation.payment is not None else operation.created_at
    if operation.executor != Operation.Executor.REPORTED and at is not None:
        happened = at
    return max(happened, operation.occurred_at or happened)


def _carry_out(evidence: CardEvidence, made: bool, actor: str, account: ProviderAccount | None) -> str | None:
    """Register what the device's later report would, by the same transitions."""
    device = _device(evidence, account)
    row = _transaction(evidence, DeviceOutcome.APPROVED if made else DeviceOutcome.DECLINED)
    uow = UnitOfWork(merchant=evidence.merchant, actor=actor, now=timezone.now(), facts=True)
    originals = Originals(evidence.merchant, device, [row])
    orders = {evidence.payment.order_id} if evidence.payment is not None else set()
    uow.lock(originals.order_ids() | orders)
    evidence.refresh_from_db(fields=["settled", "operation"])  # another request may have settled it before the lock
    if evidence.settled is not None or evidence.operation_id is not None:
        return evidence.operation_id
    originals.read(uow)
    work = Work(evidence.merchant, device, uow, originals)
    doubtful = KnownTransaction(
        kind=row.kind, outcome=DeviceOutcome.UNKNOWN, payment=uow.payments.get(evidence.payment_id or "")
    )
    done = transitions.settle(work, row, doubtful)
    evidence.settled, evidence.operation, evidence.payment = row.outcome, done.operation, done.payment
    uow.flush(beside=bulk.change([evidence], ["settled", "operation", "payment"]))
    return done.operation.id if done.operation is not None else None


def _device(evidence: CardEvidence, account: ProviderAccount | None) -> Device:
    payment = evidence.payment
    name = f"{evidence.terminal_id}/{evidence.series}/{evidence.sequence}"
    known = Discrepancy.objects.filter(merchant=evidence.merchant, key=f"outcome_unknown:{name}").first()
    stood = known.channel_id if known is not None else None
    channel_id = stood or (payment.channel_id if payment is not None else None)
    channel = Channel.objects.select_related("merchant").get(id=channel_id)
    owner = payment.provider_account if payment is not None else account
    if owner is None:
        owner = reporting_accounts(evidence.merchant).get(default=True)
    label = payment.terminal_label if payment is not None else ""
    return Device(terminal_id=evidence.terminal_id, label=label, series=evidence.series, channel=channel, account=owner)


def _transaction(evidence: CardEvidence, outcome: DeviceOutcome) -> DeviceTransaction:
    posted: dict[str, Any] = evidence.posted
    return DeviceTransaction(
        sequence=evidence.sequence,
        kind=Kind(evidence.type),
        outcome=outcome,
        amount=evidence.amount,
        currency=evidence.currency,
        occurred_at=evidence.occurred_at,
        posted=posted,
        tip=posted.get("tip") or 0,
        original=_original(posted.get("original")),
        resolves=evidence.sequence,
        operator=posted.get("operator") or "",
        reason=posted.get("reason") or "",
        patient=False,
    )


def _original(posted: dict[str, Any] | None) -> Original | None:
    if not posted:
        return None
    return Original(
        sequence=posted.get("sequence"),
        payment_id=posted.get("payment"),
        order_id=posted.get("order"),
        order_reference=posted.get("order_reference"),
    )
