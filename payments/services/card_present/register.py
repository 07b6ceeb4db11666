"""Register what devices report: the same transitions as `record`, for up to 500 transactions of one device at once.

Everything is found, locked, booked and emitted in one transaction, with a number of round trips that does not depend on
how many transactions there are. They are taken in the order of their sequence; one that refers to another which has
not come yet is tried again after the others, and else kept waiting. Nothing is refused for a business reason.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from payments.core.errors import Fault
from payments.db import bulk
from payments.models import CardEvidence, Discrepancy, Merchant
from payments.services.card_present import returns, transitions, unlinked
from payments.services.card_present.clock import note_clock
from payments.services.card_present.context import Work
from payments.services.card_present.originals import KnownTransaction, Originals
from payments.services.card_present.twins import note_twins
from payments.services.card_present.types import Device, DeviceTransaction, Kind, Registered, RegistrationStatus
from payments.services.unit_of_work import UnitOfWork


def register(
    *,
    merchant: Merchant,
    device: Device,
    transactions: Sequence[DeviceTransaction],
    actor: str,
    now: datetime,
    open_items: Sequence[int] = (),
) -> list[Registered]:
    """Record a device's transactions and return what became of each, in the order given.

    Joins the caller's transaction. The caller sees to it that each sequence comes here once; one that was kept
    waiting comes again with its `evidence_id`. `open_items` are numbers that the caller has drawn ahead, for this call
    alone.
    """
    if not transactions:
        return []
    with transaction.atomic(savepoint=False):
        uow = UnitOfWork(merchant=merchant, actor=actor, now=now, facts=True, open_items=open_items)
        work = Work(merchant, device, uow, Originals(merchant, device, transactions))
        # All at once and before anything is read for deciding: a second lock later could deadlock with another device.
        uow.lock(work.originals.order_ids())
        work.originals.read(uow)
        # One for each is the most that sales need; drawn one by one they would be 500 round trips.
        uow.reserve_open_items(len(transactions))
        results = {row.sequence: Registered(sequence=row.sequence) for row in transactions}
        _take_all(work, transactions, results)
        kept = [row for row in transactions if results[row.sequence].status != RegistrationStatus.REFUSED]
        note_clock(work, kept)
        note_twins(work, kept)
        raised = {row.key: row for row in uow.flush(beside=_evidence_of(work, kept))}
    return [_with_discrepancies(work, results[row.sequence], raised) for row in transactions]


def _take_all(work: Work, transactions: Sequence[DeviceTransaction], results: dict[int, Registered]) -> None:
    """By sequence; as long as one that came makes room for one that waits, those are tried again."""
    left = sorted(transactions, key=lambda row: row.sequence)
    tried = -1
    # Ends when a round places nothing: at most as many rounds as there are transactions.
    while left and tried != len(left):
        tried = len(left)
        left = [row for row in left if not _take(work, row, results[row.sequence])]
    for row in left:
        results[row.sequence].status = RegistrationStatus.WAITING
        results[row.sequence].waits_for = row.resolves or row.about.sequence
        # Reported once, when it first waits; what waits for a sequence has the gap's own discrepancy.
        if row.evidence_id is None and row.resolves is None and row.about.sequence is None:
            unlinked.note_missing_original(work, row)


def _take(work: Work, row: DeviceTransaction, result: Registered) -> bool:
    """Apply one transaction; False when it has to wait for another."""
    result.fault = _missing_object(work, row)
    if result.fault is not None:
        result.status = RegistrationStatus.REFUSED
        return True
    place = _apply(work, row)
    if place is None:
        return False
    work.originals.places[row.sequence] = place
    result.payment_id = place.payment.id if place.payment else None
    result.refund_id = place.refund_id
    _emit_event(work, row, place)
    return True


def _apply(work: Work, row: DeviceTransaction) -> KnownTransaction | None:
    if row.resolves is not None:
        return transitions.resolve(work, row)
    if row.kind == Kind.SALE:
        return transitions.sale(work, row)
    return returns.give_back(work, row)


def _missing_object(work: Work, row: DeviceTransaction) -> Fault | None:
    """An id that names nothing of this merchant's is no fact but a slip of the pen."""
    named = (
        ("order", row.order_id is None or work.originals.has_order(row.order_id)),
        ("customer", not row.customer_missing),
        ("namespace", row.namespace is None or work.originals.has_namespace(row.namespace)),
        ("original.order", row.about.order_id is None or work.originals.has_order(row.about.order_id)),
        ("original.payment", row.about.payment_id is None or work.originals.has_payment(row.about.payment_id)),
    )
    for param, known in named:
        if not known:
            return Fault(param, "not_found", "There is no such object. Check the id and the terminal's merchant.")
    return None


def _emit_event(work: Work, row: DeviceTransaction, place: KnownTransaction) -> None:
    """Announce the transaction beside what it did to the payment or refund."""
    # Nothing to show where neither came of it, as of a declined refund of an unknown sale.
    subject = work.uow.refunds.get(place.refund_id or "") or place.payment
    if subject is None:
        return
    transaction = {
        "terminal": work.device.terminal_id,
        "series": work.device.series,
        "sequence": row.sequence,
        "type": row.kind.value,
        "outcome": row.outcome.value,
    }
    work.uow.emit("terminal.transaction_recorded", subject, {"transaction": transaction})


def _evidence_of(work: Work, rows: Sequence[DeviceTransaction]) -> list[bulk.Part]:
    """As posted, in any case; one that waited is now tied to what it was about."""
    new = [_evidence(work, row) for row in rows if row.evidence_id is None]
    tied = [_evidence(work, row) for row in rows if row.evidence_id and row.sequence in work.originals.places]
    return [*bulk.insertion(new), *bulk.change(tied, ["payment", "operation"]), *_settled(work)]


def _settled(work: Work) -> list[bulk.Part]:
    """Evidence of an earlier post that was in doubt is tied to what settled it."""
    rows = [row for row in work.originals.evidence if row.sequence in work.settled]
    for row in rows:
        done = work.settled[row.sequence]
        row.settled, row.operation, row.payment = done.outcome, done.operation, done.payment
    return bulk.change(rows, ["settled", "operation", "payment"])


def _evidence(work: Work, row: DeviceTransaction) -> CardEvidence:
    place = work.originals.places.get(row.sequence)
    evidence = CardEvidence(
        merchant=work.merchant,
        payment=place.payment if place else None,
        operation=place.operation if place else None,
        terminal_id=work.device.terminal_id,
        series=work.device.series,
        sequence=row.sequence,
        type=row.kind,
        amount=row.amount,
        currency=row.currency,
        occurred_at=row.occurred_at,
        rrn=row.references.rrn,
        stan=row.references.stan,
        authorization_code=row.references.authorization_code,
        acquirer_tid=row.references.acquirer_tid,
        acquirer_mid=row.references.acquirer_mid,
        posted=row.posted,
        settled=work.settled[row.sequence].outcome if row.sequence in work.settled else None,
        created_at=work.uow.now,
    )
    if row.evidence_id is not None:
        evidence.id = row.evidence_id
    return evidence


def _with_discrepancies(work: Work, result: Registered, raised: dict[str, Discrepancy]) -> Registered:
    result.discrepancies = [raised[key] for key in work.keys[result.sequence] if key in raised]
    return result
