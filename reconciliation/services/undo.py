"""Undo a resolution: what it booked is reversed, what it matched is as it was, and its discrepancy is open again."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict, NotFound, ValidationFailed
from payments.core.ids import new_id
from payments.ledger.models import JournalEntry
from payments.ledger.posting import Entry, post
from payments.ledger.reversing import Reversal, mirror
from payments.models import Discrepancy, Merchant
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval, User
from payments.people.services import approvals, gate
from payments.services import limits
from payments.services.idempotency import IdempotencyGuard
from reconciliation.models import ResolutionStep
from reconciliation.services import locks, reopen, settle_by_hand, steps, undo_matches
from reconciliation.services.resolve import note_faults

UNDONE: Final = "resolution_undone"  # the event of an entry that takes one back


def undo(
    *, merchant: Merchant, discrepancy_id: str, note: str, actor: Actor, guard: IdempotencyGuard | None = None
) -> Discrepancy | Approval:
    """Undo all that was done about a discrepancy, and return it, open again; an approval, where that waits.

    Nothing is deleted: each entry is reversed, on the first day that is open. What needed a second person needs one to
    be undone, too, and so does more than a person may decide alone. What something later explains meanwhile is resolved
    again at once.

    Raises:
        NotFound: no such discrepancy.
        ValidationFailed: the note is too long, or has a card number in it.
        Conflict: `nothing_to_undo`, `undo_not_possible`, `resolved_since`, `payout_received_since`, `approval_waiting`.
        Forbidden: as `gate.check`.
    """
    found = Discrepancy.objects.filter(merchant=merchant, id=discrepancy_id).first()
    if found is None:
        raise NotFound
    gate.check(Action.UNDO_RESOLUTION, by=actor, merchant_id=merchant.id, channel_id=found.channel_id)
    if faults := note_faults(note) if note else []:
        raise ValidationFailed(faults)
    with transaction.atomic():
        row = _locked(discrepancy_id)
        todo = _steps(row)
        if guard is not None:
            guard.begin(row.id)
        payload = _why_it_waits(row, todo, actor)
        if payload is None:
            return _take_back(row, todo, note=note, actor=name_of(actor))
        with transaction.atomic():  # what cannot be undone is refused at once, and nobody is asked
            _take_back(row, todo, note=note, actor=name_of(actor))
            transaction.set_rollback(True)
        return gate.propose(
            Action.UNDO_RESOLUTION,
            subject=row,
            by=actor,
            merchant_id=row.merchant_id,
            channel_id=row.channel_id,
            payload=payload | {"note": note},
        )


def decide(discrepancy_id: str, *, user: User, approved: bool, note: str = "") -> None:
    """Record a second person's decision: undo the resolution, or leave it.

    Raises:
        Conflict: nothing waits, or it cannot be undone any more.
        Forbidden: the user made the request, or may not decide about it.
    """
    with transaction.atomic():
        row = _locked(discrepancy_id)
        approval = approvals.decide(
            subject_id=row.id,
            action=Action.UNDO_RESOLUTION,
            user=user,
            approved=approved,
            note=note,
            alone_from=row.merchant.decides_alone_from,
        )
        if approved:
            _take_back(row, _steps(row), note=str(approval.payload.get("note", "")), actor=user.id)


def preview(discrepancy_id: str) -> list[JournalEntry]:
    """Return the entries, with postings, that undoing it would book now; nothing is booked.

    Raises:
        Conflict: it could not be undone.
    """
    with transaction.atomic():
        row = _locked(discrepancy_id)
        first = new_id("jrn")  # ids ascend: the entries booked from here on are greater
        _take_back(row, _steps(row), note="-", actor="preview")
        entries = JournalEntry.objects.filter(merchant_id=row.merchant_id, id__gt=first).order_by("id")
        found = list(entries.prefetch_related("postings__account"))
        transaction.set_rollback(True)
    return found


def can_undo(row: Discrepancy) -> bool:
    """Return whether there seems to be something to undo, so that a button is offered; `undo` decides under locks."""
    if row.status == Discrepancy.Status.PROPOSED:
        return False
    last = steps.live(row).last()
    if last is not None:
        return last.action not in settle_by_hand.ACTIONS
    return row.status == Discrepancy.Status.RESOLVED and (
        undo_matches.found_by_rule(row) or (row.resolution or {}).get("action") == "accept"
    )


def _locked(discrepancy_id: str) -> Discrepancy:
    """Lock it with all that its steps have matched it with."""
    matched = ResolutionStep.objects.filter(discrepancy_id=discrepancy_id, undone_at=None)
    main = matched.filter(part_of__isnull=False).values_list("part_of__discrepancy_id", flat=True)
    beside = ResolutionStep.objects.filter(part_of__in=matched).values_list("discrepancy_id", flat=True)
    names = [name for names in matched.values_list("matched", flat=True) for name in names]
    return locks.locked(discrepancy_id, beside=[*main, *beside, *names])


def _steps(row: Discrepancy) -> list[ResolutionStep]:
    """Return the steps to undo, the latest first.

    Raises:
        Conflict: `nothing_to_undo`, `undo_not_possible`.
    """
    if row.status == Discrepancy.Status.PROPOSED:
        raise Conflict("nothing_to_undo", "This waits for a second person. Have it rejected in place of undoing it.")
    found = list(steps.live(row).order_by("-number"))
    if any(step.action in settle_by_hand.ACTIONS for step in found):
        detail = "What came of a payment was recorded here. Refund or cancel the payment in place of undoing it."
        raise Conflict("undo_not_possible", detail)
    if not found and row.status == Discrepancy.Status.OPEN:
        raise Conflict("nothing_to_undo", "Nothing that was done about this discrepancy is left to undo.")
    return found or _without_steps(row)


def _without_steps(row: Discrepancy) -> list[ResolutionStep]:
    """Return the step of what a rule has found, or of what was resolved before steps were written."""
    done = row.resolution or {}
    action, key = done.get("action", ""), f"resolved:{row.id}"
    if undo_matches.found_by_rule(row):
        return [undo_matches.step_of_rule(row)]
    entry = JournalEntry.objects.filter(key=key).exists()
    if entry or action in ("accept", "suspense"):
        approved = Approval.objects.filter(subject_id=row.id, decision=Approval.Decision.APPROVED).exists()
        step = steps.record(row, action=action, actor=row.resolved_by, approved=approved)
        step.entries = [key] if entry else []
        return [step]
    raise Conflict(
        "undo_not_possible",
        "Nothing was booked or matched by this: what came in later has explained it, and a person cannot take that "
        "back.",
    )


def _why_it_waits(row: Discrepancy, todo: Sequence[ResolutionStep], actor: Actor) -> dict[str, Any] | None:
    """Return what the second person is told; None where one person decides."""
    amount = sum(abs(step.amount or 0) for step in todo) or abs(row.amount or 0)
    exceeded = limits.of_correction(
        merchant=row.merchant, amount=amount, currency=row.currency, actor=actor, now=timezone.now()
    )
    if exceeded is not None:
        return {"limit": exceeded.payload()}
    return {} if any(step.approved for step in todo) else None


def _take_back(row: Discrepancy, todo: Sequence[ResolutionStep], *, note: str, actor: str) -> Discrepancy:
    now, before = timezone.now(), row.resolution
    # What was closed by the resolution of another one is opened by undoing that: both sides, or neither.
    mains = {step.part_of_id or step.id: step.part_of or step for step in todo}
    rows = {row.id: row}
    for step in mains.values():
        post([*undo_matches.take_back(step, now), *_reversals(step, now)])
        for one in [step, *step.parts.filter(undone_at=None).select_related("discrepancy__merchant")]:
            one.undone_at, one.undone_by = now, actor
            one.save(update_fields=["undone_at", "undone_by"])
            rows.setdefault(one.discrepancy_id, one.discrepancy)
    for one_row in rows.values():
        reopen.put_back(one_row, note=note, actor=actor)
    audit_log.write(
        actor=actor,
        action="discrepancy.undone",
        subject=row,
        merchant_id=row.merchant_id,
        before=before,
        after={"note": note, "steps": [step.number for step in todo]},
    )
    for one_row in rows.values():
        reopen.resolve_if_explained(one_row)
    row.refresh_from_db()
    return row


def _reversals(step: ResolutionStep, at: datetime) -> Iterator[Entry]:
    """Yield the entries that reverse what a step booked; parts of bank lines are taken back with their lines."""
    zone = step.discrepancy.merchant.timezone
    with_lines = set(step.allocations.values_list("entry_key", flat=True))
    for key in step.entries:
        if key not in with_lines:
            yield mirror(Reversal(key, f"undone:{key}", UNDONE, at, zone))
