"""Carry out a resolution: what it books, the step that remembers it, and what is closed by it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from payments import audit_log
from payments.ledger.posting import post
from payments.models import Discrepancy
from payments.services import discrepancy
from reconciliation.models import ResolutionStep
from reconciliation.services import settle_by_hand, steps
from reconciliation.services.matching import Booked, Match, line_match
from reconciliation.services.netting import netting
from reconciliation.services.open_balance import BOOKING, to_book
from reconciliation.services.resolution_entries import resolution_entries
from reconciliation.services.transfers import transfer_match


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The action that resolves a discrepancy: `with_` names what to match with, `until` is the day to wait until.

    `amount` is the part that is meant, in minor units; None is all of it. `rule` is what found it, if nobody did.
    """

    action: str
    note: str
    with_: tuple[str, ...] = ()
    until: date | None = None
    amount: int | None = None
    rule: str = ""


def carry_out(row: Discrepancy, resolution: Resolution, actor: str, *, approved: bool = False) -> Discrepancy:
    """Carry it out in the caller's transaction, which holds the locks of `locks.locked`. One of a part leaves it open.

    Raises:
        ValidationFailed, Invalid: what is named or asked does not stand open any more.
    """
    now = timezone.now()
    step = steps.record(
        row, action=resolution.action, actor=actor, matched=resolution.with_, approved=approved, amount=None
    )
    booked = _book(row, resolution, step, now)
    post([entry for entry in booked.entries if entry.lines])
    step.entries = [entry.key for entry in booked.entries if entry.lines]
    step.amount, step.line_before = booked.moved or None, booked.line_before
    step.save(update_fields=["entries", "amount", "line_before"])
    payload = payload_of(resolution, actor)
    for other in booked.also_closed:
        discrepancy.resolve_one(other, actor=actor, resolution=payload | {"with": [row.id]})
    if not booked.closes:
        row.status, row.resolution = Discrepancy.Status.OPEN, payload  # of one that was proposed, too
        row.save(update_fields=["status", "resolution"])
        _log(row, payload, actor, "discrepancy.resolved_in_part")
        return row
    closed = discrepancy.resolve_one(row, actor=actor, resolution=payload)
    _log(row, payload, actor, "discrepancy.resolved")
    return closed


def match_of(row: Discrepancy, resolution: Resolution) -> Match:
    """Return what a match with the named objects comes to, all of it locked.

    Raises:
        ValidationFailed: something is named that it cannot be matched with.
        Invalid: `amount_exceeds_open`.
    """
    part, names = resolution.amount, resolution.with_
    return line_match(row, names, part) or transfer_match(row, names, part) or netting(row, names, part)


def payload_of(resolution: Resolution, actor: str) -> dict[str, Any]:
    """Return a resolution as it is stored with its discrepancy and in the audit log."""
    return {
        "action": resolution.action,
        "note": resolution.note,
        "with": list(resolution.with_),
        "until": resolution.until.isoformat() if resolution.until else None,
        "amount": resolution.amount,
        "actor": actor,
    } | ({"rule": resolution.rule} if resolution.rule else {})


def _book(row: Discrepancy, resolution: Resolution, step: ResolutionStep, at: datetime) -> Booked:
    if resolution.action == "match":
        return match_of(row, resolution).book(step, at)
    if resolution.action in settle_by_hand.ACTIONS:
        settle_by_hand.settle(row, resolution.action, actor=step.actor)
    whole = to_book(row) if resolution.action in BOOKING else None
    balance = to_book(row, resolution.amount) if whole is not None else None
    if balance is None or whole is None:
        return Booked([], 0)
    closes = balance.amount == whole.amount
    entries = resolution_entries(row, balance, resolution.action, at, step.actor, nth=step.number - 1, closes=closes)
    return Booked(entries, balance.amount, closes=closes)


def _log(row: Discrepancy, payload: dict[str, Any], actor: str, action: str) -> None:
    audit_log.write(actor=actor, action=action, subject=row, merchant_id=row.merchant_id, after=payload)
