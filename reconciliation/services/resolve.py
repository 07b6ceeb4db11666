"""Resolve a discrepancy: at once, or as a proposal that a second person decides about."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from payments import audit_log
from payments.core.errors import Conflict, Fault, Invalid, NotFound, ValidationFailed
from payments.core.ids import new_id
from payments.core.money import Money
from payments.core.pan import has_card_number
from payments.ledger.models import JournalEntry
from payments.ledger.posting import Entry, post
from payments.models import Discrepancy, Merchant, Order
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval, User
from payments.people.services import approvals, gate
from payments.services import discrepancy, limits
from payments.services.idempotency import IdempotencyGuard
from payments.services.limits import Exceeded
from reconciliation.services import matching, settle_by_hand
from reconciliation.services.open_balance import ACTIONS, BOOKING, LATER, OpenBalance, open_balance, possible
from reconciliation.services.resolution_entries import resolution_entries

LONGEST_NOTE: Final = 1000


_OF_RECEIVABLE: Final = (Kind.AMOUNT_DIFFERS, Kind.MISSING_IN_SETTLEMENT, Kind.MISSING_IN_BOOKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The action that resolves a discrepancy: `with_` names what to match with, `until` is the day to wait until."""

    action: str
    note: str
    with_: tuple[str, ...] = ()
    until: date | None = None


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

    Raises:
        NotFound: no such discrepancy.
        ValidationFailed: the action is not for this kind, or lacks what it needs.
        Conflict: `discrepancy_not_open`: it is resolved, or waits for a second person.
        Forbidden: as `gate.check`.
    """
    found = Discrepancy.objects.filter(merchant=merchant, id=discrepancy_id).first()
    if found is None:
        raise NotFound
    action = _action(resolution)
    gate.check(action, by=actor, merchant_id=merchant.id, channel_id=found.channel_id)
    with transaction.atomic():
        row = _locked(merchant, discrepancy_id)
        if row.status != Discrepancy.Status.OPEN:
            raise Conflict("discrepancy_not_open", f"This discrepancy is {row.status}. Only an open one is resolved.")
        if resolution.action in BOOKING:
            _to_book(row)
        _check(row, resolution)
        if guard is not None:
            guard.begin(row.id)
        if resolution.action in LATER:
            return _postpone(row, resolution, name_of(actor))
        exceeded = limits.of_correction(
            merchant=merchant, amount=_open(row), currency=row.currency, actor=actor, now=timezone.now()
        )
        if resolution.action == "match":
            waits = matching.is_forced(row, resolution.with_)
        else:
            waits = action == Action.WRITE_OFF or exceeded is not None
        if waits:
            return _propose(row, resolution, name_of(actor), exceeded)
        return _carry_out(row, resolution, name_of(actor))


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
            _carry_out(row, resolution, user.id)
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
        _carry_out(row, resolution, (row.resolution or {})["actor"])
        entries = JournalEntry.objects.filter(merchant_id=row.merchant_id, id__gt=first).order_by("id")
        found = list(entries.prefetch_related("postings__account"))
        transaction.set_rollback(True)
    return found


def _open(row: Discrepancy) -> int:
    """Return its open balance in the books, else its own amount; in minor units."""
    balance = open_balance(row)
    return balance.amount if balance is not None else row.amount or 0


def _amount(row: Discrepancy, balance: OpenBalance) -> int:
    """Return what a resolution is to book, as the ledger signs it."""
    if row.kind in _OF_RECEIVABLE and row.payment is not None:
        return -(row.amount or 0) if row.kind == Kind.MISSING_IN_BOOKS else row.amount or 0
    return balance.amount


def _refuse_if_changed(row: Discrepancy, approval: Approval) -> None:
    """Refuse an approval if the open amount is not the one that the second person was shown."""
    shown = approval.payload.get("open")
    if shown is not None and shown != _open(row):
        raise Conflict("changed_meanwhile", "Another amount is open by now. Reject this request and ask again.")


def _to_book(row: Discrepancy) -> OpenBalance | None:
    """Return its open balance with the amount to be booked; None if it is about no money in the books.

    Raises:
        Invalid: `amount_exceeds_open`: what explained it meanwhile would be booked twice.
    """
    balance = open_balance(row)
    if balance is None:
        return None
    amount, currency = _amount(row, balance), balance.account.currency
    if amount * balance.amount <= 0 or abs(amount) > abs(balance.amount):
        raise Invalid(
            "amount_exceeds_open",
            f"{Money(amount, currency)} is more than what stands open: {Money(balance.amount, currency)}.",
            param="amount",
            open=balance.amount,
        )
    return replace(balance, amount=amount)


def _check(row: Discrepancy, resolution: Resolution) -> None:
    allowed = possible(row)
    faults = []
    if resolution.action not in ACTIONS:
        faults.append(Fault("action", "invalid_choice", f"Use one of: {', '.join(allowed)}."))
    elif resolution.action not in allowed:
        detail = f"That is not for {row.kind}. Use one of: {', '.join(allowed)}."
        faults.append(Fault("action", "action_not_possible", detail))
    if not 1 <= len(resolution.note.strip()) <= LONGEST_NOTE:
        faults.append(Fault("note", "required", gettext_noop("Say why, in 1 to 1000 characters.")))
    elif has_card_number(resolution.note):
        faults.append(Fault("note", "card_number_refused", "Leave the card number out."))
    if resolution.action == "wait" and (resolution.until is None or resolution.until <= timezone.now().date()):
        faults.append(Fault("until", "required", gettext_noop("Give a later day to wait until.")))
    if resolution.action == "match" and len(resolution.with_) != 1:
        faults.append(Fault("with", "required", gettext_noop("Name the one payment or payout that it is about.")))
    if faults:
        raise ValidationFailed(faults)


def _postpone(row: Discrepancy, resolution: Resolution, actor: str) -> Discrepancy:
    """Leave it open, with a note of what was done about it so far."""
    until = resolution.until
    row.wait_until = datetime.combine(until, time(0), row.merchant.zone) if until else None
    row.resolution = _payload(resolution, actor)
    row.save(update_fields=["wait_until", "resolution"])
    _log(row, resolution, actor, "discrepancy.postponed")
    return row


def _propose(row: Discrepancy, resolution: Resolution, actor: str, exceeded: Exceeded | None) -> Discrepancy:
    approvals.request(
        subject=row,
        action=_action(resolution),
        merchant_id=row.merchant_id,
        channel_id=row.channel_id,
        requested_by=actor,
        payload={"open": _open(row), **({"limit": exceeded.payload()} if exceeded is not None else {})},
    )
    row.status, row.resolution = Discrepancy.Status.PROPOSED, _payload(resolution, actor)
    row.save(update_fields=["status", "resolution"])
    _log(row, resolution, actor, "discrepancy.proposed")
    return row


def _carry_out(row: Discrepancy, resolution: Resolution, actor: str) -> Discrepancy:
    now = timezone.now()
    entries: list[Entry] = []
    if resolution.action == "match":
        entries = matching.match(row, resolution.with_[0], now)
    elif resolution.action in settle_by_hand.ACTIONS:
        settle_by_hand.settle(row, resolution.action, actor=actor)
    elif resolution.action != "accept":
        balance = _to_book(row)
        if balance is not None:
            entries = resolution_entries(row, balance, resolution.action, now, actor)
    post([entry for entry in entries if entry.lines])
    closed = _closed(row, resolution, actor)
    _log(row, resolution, actor, "discrepancy.resolved")
    return closed


def _closed(row: Discrepancy, resolution: Resolution, actor: str) -> Discrepancy:
    """Close it with this person's resolution, even if recording an outcome has just closed it automatically."""
    payload = _payload(resolution, actor)
    closed = discrepancy.resolve_discrepancies(merchant=row.merchant, keys=[row.key], actor=actor, resolution=payload)
    if closed:
        return closed[0]
    row.refresh_from_db()
    row.resolution, row.resolved_by = payload, actor
    row.save(update_fields=["resolution", "resolved_by"])
    return row


def _lock_order(discrepancy_id: str) -> None:
    """Lock the payment's order before the discrepancy, as recording an outcome does (it closes discrepancies)."""
    about = Discrepancy.objects.filter(id=discrepancy_id, payment__isnull=False)
    list(Order.objects.select_for_update().filter(id__in=about.values("payment__order_id")))


def _locked(merchant: Merchant, discrepancy_id: str) -> Discrepancy:
    _lock_order(discrepancy_id)
    rows = Discrepancy.objects.select_for_update(of=("self",)).select_related("merchant", "payment")
    row = rows.filter(merchant=merchant, id=discrepancy_id).first()
    if row is None:
        raise NotFound
    return row


def _proposed(discrepancy_id: str) -> tuple[Discrepancy, Resolution]:
    _lock_order(discrepancy_id)
    rows = Discrepancy.objects.select_for_update(of=("self",)).select_related("merchant", "payment")
    row = rows.filter(id=discrepancy_id).first()
    if row is None:
        raise NotFound
    if row.status != Discrepancy.Status.PROPOSED or row.resolution is None:
        raise Conflict("nothing_proposed", "Nothing waits for a second person here.")
    proposed = row.resolution
    return row, Resolution(action=proposed["action"], note=proposed["note"], with_=tuple(proposed["with"]))


_ACTIONS: Final = {
    "match": Action.FORCED_MATCH,
    "write_off": Action.WRITE_OFF,
    "book_fee": Action.BOOK_FEE,
    "suspense": Action.SUSPENSE,
}


def _action(resolution: Resolution) -> Action:
    """Return the action that the gate checks; what books nothing of its own counts as an acceptance."""
    return _ACTIONS.get(resolution.action, Action.ACCEPT)


def _payload(resolution: Resolution, actor: str) -> dict[str, Any]:
    return {
        "action": resolution.action,
        "note": resolution.note,
        "with": list(resolution.with_),
        "until": resolution.until.isoformat() if resolution.until else None,
        "actor": actor,
    }


def _log(row: Discrepancy, resolution: Resolution, actor: str, action: str) -> None:
    audit_log.write(
        actor=actor, action=action, subject=row, merchant_id=row.merchant_id, after=_payload(resolution, actor)
    )
