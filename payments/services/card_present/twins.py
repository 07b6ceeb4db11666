"""Two records of one tap: the acquirer's own numbers say that the card was read once, and it is booked twice.

A device that lost its memory, was paired again or was driven and then posted as well sends one tap under two sequences.
Both are booked, as any fact; finance is told, so that nobody is charged twice unseen. Numbers repeat between terminals
and days: only the same acquirer's terminal, amount, card and hour make them one tap.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.models.discrepancy import DiscrepancyKind
from payments.services.card_present import sql
from payments.services.card_present.context import Work
from payments.services.card_present.sql import Tap, Twin
from payments.services.card_present.types import DeviceOutcome, DeviceTransaction, Kind


def note_twins(work: Work, rows: Sequence[DeviceTransaction]) -> None:
    """Open a discrepancy for each new transaction whose evidence is that of an earlier one; one round trip at most."""
    taps = {row.sequence: _tap(row) for row in rows if _names_a_tap(row)}
    if not taps:
        return
    device = work.device
    known = sql.twins(
        merchant_id=work.merchant.id, terminal_id=device.terminal_id, series=device.series, taps=list(taps.values())
    )
    found = {twin.of: twin for twin in reversed([*_among(work, list(taps.values())), *known])}
    for row in rows:
        twin = found.get(row.sequence)
        if twin is not None and not _is_about(row, twin, work):
            _note(work, row, twin)


def _names_a_tap(row: DeviceTransaction) -> bool:
    """Whether money moved, and the acquirer's numbers say by which tap."""
    numbers = row.references
    named = numbers.rrn or (numbers.stan and numbers.authorization_code)
    return bool(named) and row.outcome == DeviceOutcome.APPROVED and row.kind != Kind.REVERSAL and not row.evidence_id


def _tap(row: DeviceTransaction) -> Tap:
    return Tap(
        sequence=row.sequence,
        type=row.kind.value,
        amount=row.amount,
        currency=row.currency,
        occurred_at=row.occurred_at,
        rrn=row.references.rrn,
        stan=row.references.stan,
        code=row.references.authorization_code,
        tid=row.references.acquirer_tid,
        last4=row.card.last4,
        fingerprint=row.card.fingerprint,
    )


def _among(work: Work, taps: Sequence[Tap]) -> Iterator[Twin]:
    """Twins within one batch: of one device, so that nothing but the numbers tells its taps apart."""
    by_number: dict[tuple[object, ...], list[Tap]] = {}
    for tap in sorted(taps, key=lambda tap: tap.sequence):
        number = (tap.rrn,) if tap.rrn else (tap.stan, tap.code)
        by_number.setdefault((*number, tap.type, tap.amount, tap.currency), []).append(tap)
    for alike in by_number.values():
        for first, second in combinations(alike, 2):
            if _agree(first, second):
                place = work.originals.places.get(first.sequence)
                payment = place.payment if place is not None else None
                yield Twin(
                    second.sequence,
                    work.device.terminal_id,
                    work.device.series,
                    first.sequence,
                    payment.id if payment is not None else None,
                    payment.receipt_number if payment is not None else None,
                )


def _agree(first: Tap, second: Tap) -> bool:
    cards = ((first.tid, second.tid), (first.last4, second.last4), (first.fingerprint, second.fingerprint))
    near = abs(first.occurred_at - second.occurred_at) <= sql.WINDOW
    return near and all(one is None or other is None or one == other for one, other in cards)


def _is_about(row: DeviceTransaction, twin: Twin, work: Work) -> bool:
    """Whether a transaction says itself that it is a later word about the other."""
    same_series = (twin.terminal_id, twin.series) == (work.device.terminal_id, work.device.series)
    return same_series and row.resolves == twin.sequence


def _note(work: Work, row: DeviceTransaction, twin: Twin) -> None:
    place = work.originals.places.get(row.sequence)
    text = gettext_noop(
        "One tap of a card for {amount} is recorded twice: as sequence {sequence} of series {series} at {terminal}, "
        "and before that as sequence {other} of series {before} (receipt {receipt}). Give one of them back."
    )
    work.note(
        row,
        DiscrepancyKind.DUPLICATE,
        text,
        payment=place.payment if place is not None else None,
        key=f"duplicate:tap:{work.reference(row)}",
        amount=Money(row.amount, row.currency),
        sequence=row.sequence,
        series=work.device.series,
        terminal=work.device.label,
        other=twin.sequence,
        before=twin.series,
        receipt=twin.receipt or "–",
    )
