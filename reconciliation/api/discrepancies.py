"""Discrepancies of every floor: listed, and resolved as far as one person's word goes."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, ClassVar, Final

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from msgspec import Meta, field
from rest_framework.request import Request

from payments import payloads
from payments.api.approvals import REQUIRES_APPROVAL, accepted
from payments.api.idempotency import Answer
from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.core.input_types import Day, minor_units, number_of_query, one_of, text
from payments.core.inputs import Input
from payments.core.money import MAX_AMOUNT
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind
from payments.people.actors import Caller
from payments.people.models import Approval
from payments.services.idempotency import IdempotencyGuard
from reconciliation.api.discrepancy_schemas import DISCREPANCY, RESOLVED_DISCREPANCY, WHOLE_DISCREPANCY
from reconciliation.services.actions import actions
from reconciliation.services.candidates import Candidate, candidates
from reconciliation.services.open_balance import ACTIONS
from reconciliation.services.resolve import LONGEST_NOTE, MOST_NAMES, Resolution, resolve
from reconciliation.services.severity import due_on, severity
from reconciliation.services.undo import undo

TAG: Final = "Reconciliation"


# In either direction, as open balances are; and without a sign in the direction that is open.
Part = Annotated[int, minor_units(least=-MAX_AMOUNT)]
Names = Annotated[list[Annotated[str, text(64)]], Meta(max_length=MOST_NAMES)]


class DiscrepanciesQuery(Paging):
    """Which discrepancies; `age` is how many days old at least, `assigned_to` a person's id or `nobody`."""

    kind: DiscrepancyKind | None = None
    """Only discrepancies of this kind."""
    status: Discrepancy.Status | None = None
    """Only discrepancies of this status."""
    age: Annotated[int, number_of_query(most=36_500)] | None = None
    """Only those that have stood at least so many days."""
    assigned_to: Annotated[str, text(64)] | None = None
    """Only those of this person, by id; `nobody` for those that nobody has."""


class ResolveInput(Input, kw_only=True):
    """The body of a resolution."""

    action: Annotated[str, one_of(ACTIONS)]
    """What to do: one of the discrepancy's own `actions`."""
    until: Day | None = None
    """Day until which `wait` waits."""
    note: Annotated[str, text(LONGEST_NOTE)]
    """Why, for whoever looks at it later."""
    amount: Part | None = None
    """Part that is resolved, in minor units with the sign of what is open; all of it when left out."""
    with_: Annotated[list[Annotated[str, text(64)]], Meta(max_length=MOST_NAMES)] | None = field(
        name="with", default=None
    )
    """Ids of the candidates that it is matched with."""


class UndoInput(Input, kw_only=True):
    """Why a resolution is undone."""

    note: Annotated[str, text(LONGEST_NOTE)] | None = None
    """Why the resolution was wrong."""


class Discrepancies(ApiView):
    """All discrepancies of a merchant, or of the channel that a key is tied to."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read"}

    @described(
        "list_discrepancies",
        "Discrepancies, newest first",
        {200: page_of(DISCREPANCY)},
        query=DiscrepanciesQuery,
        tag=TAG,
    )
    def get(self, request: Request) -> HttpResponse:
        """List where the books, terminals, providers and the bank disagree."""
        query = self.query(DiscrepanciesQuery)
        rows = self.own(_discrepancies())
        given = query.given()
        rows = rows.filter(**{name: given[name] for name in ("kind", "status") if name in given})
        if query.age is not None:
            rows = rows.filter(created_at__lte=timezone.now() - timedelta(days=query.age))
        if query.assigned_to is not None:
            rows = rows.filter(assigned_to=None if query.assigned_to == "nobody" else query.assigned_to)
        return self.page(rows, payloads.discrepancy, query)


class OneDiscrepancy(ApiView):
    """One discrepancy, with what it could be about and what may be done."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read"}

    @described(
        "get_discrepancy",
        "One discrepancy: what it could be about, side by side, and what each action would book",
        {200: WHOLE_DISCREPANCY},
        refusals=[404],
        tag=TAG,
    )
    def get(self, request: Request, discrepancy_id: str) -> HttpResponse:
        """Return one discrepancy with its candidates, and what each action would book."""
        self.no_query()
        row = self.one(self.own(_discrepancies()), id=discrepancy_id)
        return self.answer(_in_full(row, self.caller))


class Resolve(ApiView):
    """Resolves one, or proposes it to a second person."""

    scopes: ClassVar[dict[str, str]] = {"POST": "reconciliation:write"}

    @described(
        "resolve_discrepancy",
        "Resolve a discrepancy; what needs a second person waits for one",
        {200: RESOLVED_DISCREPANCY},
        body=ResolveInput,
        refusals=[404],
        tag=TAG,
    )
    def post(self, request: Request, discrepancy_id: str) -> HttpResponse:
        """Resolve a discrepancy by one of its actions; what needs a second person waits for one."""
        found = self.one(self.own(_discrepancies()), id=discrepancy_id)
        return self.once(lambda guard: self._resolve(found.id, guard), self._resume)

    def _resolve(self, discrepancy_id: str, guard: IdempotencyGuard) -> Answer:
        given = self.input(ResolveInput)
        resolution = Resolution(
            action=given.action,
            note=given.note,
            with_=tuple(given.with_ or ()),
            until=given.until,
            amount=given.amount,
        )
        row = resolve(
            merchant=self.merchant,
            discrepancy_id=discrepancy_id,
            resolution=resolution,
            actor=self.caller,
            guard=guard,
        )
        return Answer(200, _resolved(row))

    def _resume(self, object_id: str) -> Answer:
        return Answer(200, _resolved(self.one(_discrepancies(), id=object_id)))


class Undo(ApiView):
    """Undoes what was done about one."""

    scopes: ClassVar[dict[str, str]] = {"POST": "reconciliation:write"}

    @described(
        "undo_discrepancy",
        "Undo what was done about a discrepancy: reversed in the books, and open again; what needed a second person "
        "waits for one",
        {200: DISCREPANCY, 202: REQUIRES_APPROVAL},
        body=UndoInput,
        refusals=[404, 409],
        tag=TAG,
    )
    def post(self, request: Request, discrepancy_id: str) -> HttpResponse:
        """Reverse a resolution in the books and open the discrepancy again."""
        found = self.one(self.own(_discrepancies()), id=discrepancy_id)
        return self.once(lambda guard: self._undo(found.id, guard), self._resume)

    def _undo(self, discrepancy_id: str, guard: IdempotencyGuard) -> Answer:
        note = self.input(UndoInput).note or ""
        done = undo(merchant=self.merchant, discrepancy_id=discrepancy_id, note=note, actor=self.caller, guard=guard)
        return accepted(done) if isinstance(done, Approval) else Answer(200, payloads.discrepancy(done))

    def _resume(self, object_id: str) -> Answer:
        waiting = Approval.objects.filter(
            subject_id=object_id, action=Approval.Action.UNDO_RESOLUTION, decision=None
        ).first()
        if waiting is not None:
            return accepted(waiting)
        return Answer(200, payloads.discrepancy(self.one(_discrepancies(), id=object_id)))


def _discrepancies() -> QuerySet[Discrepancy]:
    return Discrepancy.objects.select_related("merchant", "payment")


def _resolved(row: Discrepancy) -> payloads.Shape:
    """A discrepancy with how its provider was asked last, if it was: with a letter to send, where one was drafted."""
    return payloads.discrepancy(row) | {"asked": (row.resolution or {}).get("asked")}


def _in_full(row: Discrepancy, caller: Caller) -> payloads.Shape:
    """A discrepancy with what a person needs to decide about it."""
    is_open = row.status == Discrepancy.Status.OPEN
    return _resolved(row) | {
        "severity": severity(row, now=timezone.now()),
        "due_on": due_on(row).isoformat(),
        "candidates": [_candidate(one) for one in candidates(row)] if is_open else [],
        "actions": [asdict(one) for one in actions(row, actor=caller)],
    }


def _candidate(one: Candidate) -> payloads.Shape:
    signals = [{**asdict(each), "ours": str(each.ours), "theirs": str(each.theirs)} for each in one.signals]
    shape = {"id": one.id, "type": one.type, "amount": one.money.amount, "currency": one.money.currency}
    return shape | {"signals": signals}
