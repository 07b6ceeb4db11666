"""The unit of work: rows locked in one order, changes and all that follows from them, written in one transaction.

A unit of work belongs to one merchant. Transitions (`charge_transitions`, `refunds.transitions` and
`card_present.transitions`) change the rows it holds and give it entries to book and events to emit; `flush` writes
everything with a number of statements that does not depend on how many rows there are.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db import models
from django.db.models import prefetch_related_objects

from payments.db import bulk
from payments.db.compiled_queries import CompiledQuery
from payments.ledger.posting import Entry, next_items, post
from payments.models import (
    Chargeback,
    Discrepancy,
    Merchant,
    Operation,
    Payment,
    Refund,
    RefundPart,
    StatisticDelta,
    Transition,
)
from payments.models.discrepancy import DiscrepancyKind
from payments.notify.services.emit import NewEvent, emit
from payments.providers.base import Outcome, Verb
from payments.runtime.fail_points import fail_point
from payments.services import discrepancy, invariants
from payments.services.held_rows import HeldRows
from payments.services.queue_receipts import queue_receipts
from payments.services.registered_models import REGISTERED, events_of, registration, transitions_of
from payments.states import may_transition

Row = TypeVar("Row", bound=models.Model)

_FINAL: Final = frozenset({Outcome.SUCCEEDED, Outcome.DECLINED})
_OF_WHAT_IS_HELD: Final = frozenset({Verb.CAPTURE, Verb.CANCEL})

_CAPTURES = CompiledQuery(
    lambda payment_ids: Operation.objects.filter(payment_id__in=payment_ids, verb__in=sorted(_OF_WHAT_IS_HELD))
)


class UnitOfWork(HeldRows):
    """Open it inside `transaction.atomic()`, lock what it touches, apply transitions, then `flush()` once."""

    def __init__(
        self, *, merchant: Merchant, actor: str, now: datetime, facts: bool = False, open_items: Sequence[int] = ()
    ) -> None:
        super().__init__(merchant=merchant)
        self.actor = actor
        self.now = now
        self.facts = facts  # reported facts may exceed every limit; decisions never
        self._new: dict[type[models.Model], list[Any]] = defaultdict(list)
        self._changed: dict[type[models.Model], dict[str, tuple[Any, set[str]]]] = defaultdict(dict)
        self._transitions: list[Transition] = []
        self._entries: list[Entry] = []
        self._deltas: list[StatisticDelta] = []
        self._events: list[tuple[str, Payment | Refund | Chargeback, dict[str, Any] | None]] = []
        self._discrepancies: list[Discrepancy] = []
        self._closings: list[str] = []
        self._amendments: dict[str, dict[str, Any]] = {}  # columns of open discrepancies, by key
        self._open_items = deque(open_items)  # numbers drawn and not used yet

    def reserve_open_items(self, count: int) -> None:
        """Draw numbers for open items ahead, in one round trip."""
        if count > len(self._open_items):
            self._open_items.extend(next_items(count - len(self._open_items)))

    def next_open_item(self) -> int:
        """The next open item number."""
        self.reserve_open_items(1)
        return self._open_items.popleft()

    def add(self, row: Row) -> Row:
        """Insert `row` at the flush.

        Raises:
            RuntimeError: if its model is not registered; its rows would never be written.
        """
        registration(type(row)).hold(self, row)
        self._new[type(row)].append(row)
        return row

    def operations_of(self, payments: Iterable[Payment]) -> list[Operation]:
        """The captures and cancellations of these payments without a final answer, with the changes made so far."""
        ids = sorted({payment.id for payment in payments})
        rows = {row.id: row for row in _CAPTURES(ids)} if ids else {}
        rows |= {row.id: row for row in self.operations_of_held_payments() if row.payment_id in ids}
        return [row for row in rows.values() if row.outcome not in _FINAL]

    def operations_of_held_payments(self) -> list[Operation]:
        """The captures and cancellations that are new or changed in this unit of work."""
        rows = [*self._new[Operation], *self.changed(Operation)]
        return [row for row in rows if row.verb in _OF_WHAT_IS_HELD]

    def changed(self, model: type[Row], *names: str) -> list[Row]:
        """The rows of a model of which something was changed, or one of these columns."""
        return [row for row, changed in self._changed[model].values() if not names or changed.intersection(names)]

    def change(self, row: models.Model, **values: Any) -> None:
        """Set columns of a row, to be written at the flush."""
        for name, value in values.items():
            setattr(row, name, value)
        if not row._state.adding:  # a new row is inserted as a whole
            registration(type(row))
            _, names = self._changed[type(row)].setdefault(row.pk, (row, set()))
            names.update(values)

    def transition(self, row: Payment | RefundPart, to_status: str, *, operation: Operation | None = None) -> bool:
        """Give a payment or refund part another status, if the table allows it; return whether it has changed."""
        if row.status == to_status or not may_transition(transitions_of(type(row)), row.status, to_status):
            return False
        self.note_transition(row.pk, row.status, to_status, operation)
        self.change(row, status=to_status)
        return True

    def note_transition(
        self, object_id: str, from_status: str, to_status: str, operation: Operation | None = None
    ) -> None:
        """Write a transition at the flush; of a row whose status the caller changes itself."""
        self._transitions.append(
            Transition(
                object_id=object_id,
                from_status=from_status,
                to_status=to_status,
                actor=self.actor,
                operation_id=operation.id if operation is not None else None,
                at=self.now,
            )
        )

    def book(self, *entries: Entry) -> None:
        """Post entries at the flush."""
        self._entries.extend(entries)

    def add_statistics(self, delta: StatisticDelta) -> None:
        """Add to the statistics at the flush."""
        self._deltas.append(delta)

    def emit(self, event_type: str, row: Payment | Refund | Chargeback, extra: dict[str, Any] | None = None) -> None:
        """Emit an event at the flush; its payload is the object with all changes of the unit of work."""
        self._events.append((event_type, row, extra))

    def open_discrepancy(
        self, kind: DiscrepancyKind, key: str, *, payment: Payment | None = None, **columns: Any
    ) -> Discrepancy:
        """Open a discrepancy at the flush, unless one is open under this key."""
        row = Discrepancy(merchant=self.merchant, kind=kind, key=key, payment=payment, created_at=self.now, **columns)
        self._discrepancies.append(row)
        return row

    def amend_discrepancy(self, key: str, **columns: Any) -> None:
        """Update columns of the discrepancy that is open under this key, at the flush."""
        self._amendments[key] = columns

    def resolve_discrepancy(self, key: str) -> None:
        """Resolve the discrepancy that is open under this key, at the flush."""
        self._closings.append(key)

    def flush(self, *, beside: Sequence[bulk.Part] = ()) -> list[Discrepancy]:
        """Write everything, and `beside`; return the open discrepancies for those that were opened here."""
        invariants.settle_excess(self)
        invariants.settle_given_back(self)
        invariants.settle_overpaid(self)
        invariants.settle_under_way(self)
        parts = [*self._parts(), *beside]
        # A payload that prefetches must see this unit of work's rows; without one, rows and events go in one statement.
        if any(events_of(type(row)).prefetch for _, row, _ in self._events):
            bulk.write(parts)
            parts = []
        emit(self._new_events(), beside=parts)
        fail_point("flush.rows")
        post(self._entries)
        fail_point("flush.booked")
        raised = discrepancy.open_discrepancies(self._discrepancies)
        for key, columns in self._amendments.items():
            discrepancy.update_open_discrepancy(merchant=self.merchant, key=key, **columns)
        discrepancy.resolve_discrepancies(merchant=self.merchant, keys=self._closings, actor=self.actor)
        queue_receipts(self.merchant, [(kind, row) for kind, row, _ in self._events])
        return raised

    def _parts(self) -> Iterator[bulk.Part]:
        for model in REGISTERED:
            yield from bulk.insertion(self._new[model])
        for model in REGISTERED:
            yield from _changes(self._changed[model])
        yield from bulk.insertion(self._transitions)
        yield from bulk.insertion(self._deltas)

    def _new_events(self) -> list[NewEvent]:
        rows: dict[type[models.Model], list[Any]] = defaultdict(list)
        for _, row, _ in self._events:
            rows[type(row)].append(row)
        for model, of_model in rows.items():
            prefetch_related_objects(of_model, *events_of(model).prefetch)
        payload = {row.pk: events_of(type(row)).payload(row) for _, row, _ in self._events}  # once for all its events
        return [_event(kind, row, {**payload[row.pk], **(extra or {})}) for kind, row, extra in self._events]


def _changes(changed: dict[str, tuple[Any, set[str]]]) -> Iterator[bulk.Part]:
    """One part per set of columns (rows that made the same transition share one)."""
    groups: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    for key in sorted(changed):
        row, names = changed[key]
        groups[tuple(sorted(names))].append(row)
    for columns, rows in groups.items():
        yield from bulk.change(rows, columns)


def _event(event_type: str, row: Payment | Refund | Chargeback, payload: dict[str, Any]) -> NewEvent:
    return NewEvent(
        merchant_id=row.merchant_id,
        channel_id=events_of(type(row)).channel_id(row),
        type=event_type,
        object_type=row.OBJECT,
        object_id=row.id,
        data={"object": payload},
        test_mode=row.merchant.test_mode,
    )
