"""Resolve a discrepancy: at once, or as a proposal that a second person decides about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from payments import audit_log
from payments.core.errors import Conflict, Fault, NotFound, ValidationFailed
from payments.core.ids import new_id
from payments.core.pan import has_card_number
from payments.ledger.models import JournalEntry
from payments.models import Discrepancy, Merchant
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval, User
from payments.people.services import approvals, gate
from payments.services import limits
from payments.services.idempotency import IdempotencyGuard
from payments.services.limits import Exceeded
from reconciliation.services import locks, steps
from reconciliation.services.ask_provider import ask
from reconciliation.services.carry_out import Resolution, carry_out, match_of, payload_of
from reconciliation.services.matching import is_forced
from reconciliation.services.open_balance import ACTIONS, BOOKING, LATER, open_balance, possible, to_book

__all__ = ["LONGEST_NOTE", "MOST_NAMES", "Resolution", "decide", "note_faults", "preview", "resolve"]
LONGEST_NOTE: Final = 1000
MOST_NAMES: Final = 100


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Why a resolution waits for a second person: a limit, or a match of which both sides differ."""

    exceeded: Exceeded | None
    difference: int | None = None


def resolve(
    *,
    merchant: Merchant,
    discrepancy_id: str,
    resolution: Resolution,
    actor: Actor,
    guard: IdempotencyGuard | None = None,
) -> Discrepancy:
    """Carry out a resolution, or propose it where a second person must approve.

    That is always so of a write-off and of a match that does not fit; of a fee, suspense and acceptance beyond a limit.
    One of a part leaves the rest open.

    Raises:
        NotFound: no such discrepancy.
        ValidationFailed: the action is not for this kind, or lacks what it needs.
        Invalid: `amount_exceeds_open`.
        Conflict: `discrepancy_not_open`: it is resolved, or waits for a second person.
        Forbidden: as `gate.check`.
    """
    found = Discrepancy.objects.filter(merchant=merchant, id=discrepancy_id).first()
    if found is None:
        raise NotFound
    # Before the transaction: the note of a refusal must outlive it.
    gate.check(_action(resolution), by=actor, merchant_id=merchant.id, channel_id=found.channel_id)
    with transaction.atomic():
        row = locks.locked(discrepancy_id, beside=resolution.with_)
        if row.status != Discrepancy.Status.OPEN:
            raise Conflict("discrepancy_not_open", f"This discrepancy is {row.status}. Only an open one is resolved.")
        if resolution.action in BOOKING:
            to_book(row)
        _check(row, resolution)
        if guard is not None:
            guard.begin(row.id)
        if resolution.action in LATER:
            return _postpone(row, resolution, name_of(actor))
        waiting = _waiting(row, resolution, actor)
        if waiting is not None:
            return _propose(row, resolution, name_of(actor), waiting)
        return carry_out(row, resolution, name_of(actor))


def decide(discrepancy_id: str, *, user: User, approved: bool, note: str = "") -> None:
    """Record a second person's decision: carry out the proposed resolution, or open the discrepancy again.

    Raises:
        Conflict: nothing is proposed; `changed_meanwhile`, when another amount is open than was proposed.
        Forbidden: the user made the proposal, or may not decide about it.
    """
    with transaction.atomic():
        row, resolution = _proposed(discrepancy_id)
        approval = approvals.decide(
            subject_id=row.id,
            action=_action(resolution),
            user=user,
            approved=approved,
            note=note,
            alone_from=row.merchant.decides_alone_from,
        )
        if approved:
            _refuse_if_changed(row, approval)
            carry_out(row, resolution, user.id, approved=True)
            return
        row.status, row.resolution = Discrepancy.Status.OPEN, None
        row.save(update_fields=["status", "resolution"])


def preview(discrepancy_id: str) -> list[JournalEntry]:
    """Return the entries, with postings, that the proposed resolution would book now.

    It is carried out in a transaction that is rolled back, so that they are exactly what approval would book.

    Raises:
        Conflict, ValidationFailed: it could not be carried out.
    """
    with transaction.atomic():
        row, resolution = _proposed(discrepancy_id)
        first = new_id("jrn")  # ids ascend: the entries booked from here on are greater
        carry_out(row, resolution, (row.resolution or {})["actor"])
        entries = JournalEntry.objects.filter(merchant_id=row.merchant_id, id__gt=first).order_by("id")
        found = list(entries.prefetch_related("postings__account"))
        transaction.set_rollback(True)
    return found


def _waiting(row: Discrepancy, resolution: Resolution, actor: Actor) -> _Waiting | None:
    """Return why a second person must approve; None where one person decides."""
    if resolution.action == "match":
        match = match_of(row, resolution)
        return _Waiting(None, match.difference) if is_forced(match) else None
    exceeded = _exceeded(row, resolution, actor)
    return _Waiting(exceeded) if resolution.action == Action.WRITE_OFF or exceeded is not None else None


def _exceeded(row: Discrepancy, resolution: Resolution, actor: Actor) -> Exceeded | None:
    """Return the limit that this passes; parts of one discrepancy count together."""
    part = to_book(row, resolution.amount) if resolution.action in BOOKING else None
    amount = _open(row) if part is None else part.amount + steps.booked(row)
    now = timezone.now()
    return limits.of_correction(
        merchant=row.merchant,
        amount=amount,
        currency=row.currency,
        actor=actor,
        now=now,
        beside=steps.in_part_since(row, name_of(actor), limits.midnight(row.merchant, now)),
    )


def _open(row: Discrepancy) -> int:
    """Return its open balance in the books, else its own amount; in minor units."""
    balance = open_balance(row)
    return balance.amount if balance is not None else row.amount or 0


def _refuse_if_changed(row: Discrepancy, approval: Approval) -> None:
    """Refuse an approval if the open amount is not the one that the second person was shown."""
    shown = approval.payload.get("open")
    if shown is not None and shown != _open(row):
        raise Conflict("changed_meanwhile", "Another amount is open by now. Reject this request and ask again.")


def _check(row: Discrepancy, resolution: Resolution) -> None:
    allowed = possible(row)
    faults = []
    if resolution.action not in ACTIONS:
        faults.append(Fault("action", "invalid_choice", f"Use one of: {', '.join(allowed)}."))
    elif resolution.action not in allowed:
        detail = f"That is not for {row.kind}. Use one of: {', '.join(allowed)}."
        faults.append(Fault("action", "action_not_possible", detail))
    faults += [*note_faults(resolution.note), *_amount_faults(row, resolution)]
    if resolution.action == "wait" and (resolution.until is None or resolution.until <= timezone.now().date()):
        faults.append(Fault("until", "required", gettext_noop("Give a later day to wait until.")))
    if resolution.action == "match":
        faults += _name_faults(resolution.with_)
    if faults:
        raise ValidationFailed(faults)


def note_faults(note: str) -> list[Fault]:
    """Return what is wrong with a note that says why."""
    if not 1 <= len(note.strip()) <= LONGEST_NOTE:
        return [Fault("note", "required", gettext_noop("Say why, in 1 to 1000 characters."))]
    return [Fault("note", "card_number_refused", "Leave the card number out.")] if has_card_number(note) else []


def _amount_faults(row: Discrepancy, resolution: Resolution) -> list[Fault]:
    if resolution.amount is None:
        return []
    balance = open_balance(row)
    stays = resolution.action == "suspense" and balance is not None and balance.account.code == "suspense"
    if resolution.action not in (*BOOKING, "match") or balance is None or stays:
        return [Fault("amount", "not_for_action", gettext_noop("Only a booking or a match can be of a part."))]
    if not resolution.amount:
        return [Fault("amount", "out_of_range", gettext_noop("Give the part that is meant, or leave the amount out."))]
    return []


def _name_faults(names: Sequence[str]) -> list[Fault]:
    if not 1 <= len(names) <= MOST_NAMES:
        return [Fault("with", "required", gettext_noop("Name what it is to be matched with."))]
    if len(set(names)) < len(names):
        return [Fault("with", "named_twice", gettext_noop("Name each only once."))]
    return []


def _postpone(row: Discrepancy, resolution: Resolution, actor: str) -> Discrepancy:
    """Leave it open, with a note of what was done about it so far."""
    until = resolution.until
    row.wait_until = datetime.combine(until, time(0), row.merchant.zone) if until else None
    row.resolution = payload_of(resolution, actor)
    if resolution.action == "ask_provider":
        row.resolution["asked"] = ask(row)
    row.save(update_fields=["wait_until", "resolution"])
    _log(row, resolution, actor, "discrepancy.postponed")
    return row


def _propose(row: Discrepancy, resolution: Resolution, actor: str, waiting: _Waiting) -> Discrepancy:
    payload: dict[str, Any] = {"open": _open(row)}
    if waiting.exceeded is not None:
        payload["limit"] = waiting.exceeded.payload()
    if waiting.difference:
        payload["difference"] = waiting.difference
    if resolution.amount:
        payload["part"] = abs(resolution.amount)
    approvals.request(
        subject=row,
        action=_action(resolution),
        merchant_id=row.merchant_id,
        channel_id=row.channel_id,
        requested_by=actor,
        payload=payload,
    )
    row.status, row.resolution = Discrepancy.Status.PROPOSED, payload_of(resolution, actor)
    row.save(update_fields=["status", "resolution"])
    _log(row, resolution, actor, "discrepancy.proposed")
    return row


def _proposed(discrepancy_id: str) -> tuple[Discrepancy, Resolution]:
    # Without a lock, only to learn what is to be locked beside it; what counts is read again under the locks.
    resolution = Discrepancy.objects.filter(id=discrepancy_id).values_list("resolution", flat=True).first() or {}
    row = locks.locked(discrepancy_id, beside=resolution.get("with") or ())
    if row.status != Discrepancy.Status.PROPOSED or row.resolution is None:
        raise Conflict("nothing_proposed", "Nothing waits for a second person here.")
    proposed = row.resolution
    return row, Resolution(
        action=proposed["action"],
        note=proposed["note"],
        with_=tuple(proposed["with"]),
        amount=proposed.get("amount"),
    )


_ACTIONS: Final = {
    "match": Action.FORCED_MATCH,
    "write_off": Action.WRITE_OFF,
    "book_fee": Action.BOOK_FEE,
    "suspense": Action.SUSPENSE,
}


def _action(resolution: Resolution) -> Action:
    """Return the action that the gate checks; what books nothing of its own counts as an acceptance."""
    return _ACTIONS.get(resolution.action, Action.ACCEPT)


def _log(row: Discrepancy, resolution: Resolution, actor: str, action: str) -> None:
    after = payload_of(resolution, actor)
    audit_log.write(actor=actor, action=action, subject=row, merchant_id=row.merchant_id, after=after)
