"""Days of channels and months of merchants: their checklists, closed, and reopened by two persons."""

from datetime import date
from typing import Annotated, ClassVar, Final

from django.http import HttpResponse
from rest_framework.request import Request

from payments.api.approvals import REQUIRES_APPROVAL, accepted
from payments.api.idempotency import Answer
from payments.api.inputs import Query
from payments.api.openapi import described
from payments.api.schemas import CHANNEL_REF, DAY, FLAG, INSTANT, TEXT, WHOLE, define, many, maybe, record, word, words
from payments.api.views import ApiView
from payments.core.errors import wrong
from payments.core.input_types import text
from payments.core.inputs import Input
from payments.ledger.days import Status
from payments.models import Channel
from payments.people.models import Approval
from payments.services.idempotency import IdempotencyGuard
from reconciliation import payloads
from reconciliation.closing import LONGEST_OPERATOR, LONGEST_REASON, Scope, State, Why
from reconciliation.models import Period, PeriodChange
from reconciliation.services.close_period import close
from reconciliation.services.periods import day_of, month_of, scope_of, state_of
from reconciliation.services.reopen_period import reopen

_CHECKLIST = many(record(check=TEXT, passed=FLAG, detail=TEXT, count=WHOLE))
# Of a day `date` and its channel, of a month `month` and no channel.
CLOSE = define(
    "Close",
    {
        "type": "object",
        "properties": {
            "object": word("close"),
            "date": DAY,
            "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
            "channel": maybe(CHANNEL_REF),
            "checklist": _CHECKLIST,
            "status": words(Status),
            "history": many(
                record(
                    status=words(PeriodChange.Status.values),
                    at=INSTANT,
                    by=TEXT,
                    approved_by=maybe(TEXT),
                    operator=maybe(TEXT),
                    reason=maybe(TEXT),
                )
            ),
            "test_mode": FLAG,
        },
        "required": ["object", "channel", "checklist", "status", "history", "test_mode"],
    },
)
TAG: Final = "Reconciliation"
SCOPES: Final = {"GET": "reconciliation:read", "POST": "reconciliation:write"}


class OverrideInput(Input):
    """Who closes in spite of what the checklist found, and why; a second person has to agree."""

    operator: Annotated[str, text(LONGEST_OPERATOR)]
    """Name of the person who answers for it."""
    reason: Annotated[str, text(LONGEST_REASON)]
    """Why it is closed although checks failed."""


class CloseDayInput(Input):
    """Whose day is closed."""

    channel: Channel | None = None
    """Id of the channel whose day it is; required unless the key is tied to one."""
    override: OverrideInput | None = None
    """Closes in spite of failed checks, once a second person agrees."""


class CloseMonthInput(Input):
    """Nothing but the override, where one is needed: a month is the merchant's own."""

    override: OverrideInput | None = None
    """Closes in spite of failed checks, once a second person agrees."""


class ReopenDayInput(Input, kw_only=True):
    """Whose day is reopened, by whom and why."""

    channel: Channel | None = None
    """Id of the channel whose day it is; required unless the key is tied to one."""
    operator: Annotated[str, text(LONGEST_OPERATOR)]
    """Name of the person who asks for it."""
    reason: Annotated[str, text(LONGEST_REASON)]
    """Why the day has to be opened again."""


class ReopenMonthInput(Input):
    """Who reopens it, and why."""

    operator: Annotated[str, text(LONGEST_OPERATOR)]
    """Name of the person who asks for it."""
    reason: Annotated[str, text(LONGEST_REASON)]
    """Why the month has to be opened again."""


class DayQuery(Query):
    """Whose day."""

    channel: Channel | None = None
    """Id of the channel whose day it is; required unless the key is tied to one."""


class Periods(ApiView):
    """What days and months share."""

    scopes: ClassVar[dict[str, str]] = SCOPES

    def day(self, channel: Channel | None, given: str) -> Scope:
        """The day in the address, of the channel that the request names."""
        return day_of(self.channel(channel), _first(given, "date", given))

    def month(self, given: str) -> Scope:
        """The month in the address."""
        return month_of(self.merchant, _first(given, "month", f"{given}-01"))

    def close(self, scope: Scope, override: OverrideInput | None, guard: IdempotencyGuard) -> Answer:
        """Close it, or have a second person asked."""
        why = Why(operator=override.operator, reason=override.reason) if override is not None else None
        return _answer(close(scope, actor=self.caller, override=why, guard=guard))

    def resume(self, object_id: str) -> Answer:
        """Answer a repeated request: how the period stands, or what it waits for."""
        rows = Period.objects.select_related("merchant", "channel__merchant")
        state = state_of(scope_of(self.one(self.own(rows, channel=None), id=object_id)))
        return _answer(state.waiting or state)


class CloseDay(Periods):
    """A business day of a channel."""

    @described(
        "get_day",
        "A channel's day: whether it is closed, and its checklist",
        {200: CLOSE},
        query=DayQuery,
        tag=TAG,
    )
    def get(self, request: Request, day: str) -> HttpResponse:
        """Return whether a channel's day is closed, and its checklist."""
        scope = self.day(self.query(DayQuery).channel, day)
        return self.answer(payloads.close(state_of(scope)))

    @described(
        "close_day",
        "Close a channel's day: what comes later is booked on the next open day",
        {200: CLOSE, 202: REQUIRES_APPROVAL},
        body=CloseDayInput,
        refusals=[409],
        tag=TAG,
    )
    def post(self, request: Request, day: str) -> HttpResponse:
        """Close a channel's day whose checklist is in order: what comes later is booked on the next open day."""
        return self.once(lambda guard: self._close(day, guard), self.resume)

    def _close(self, day: str, guard: IdempotencyGuard) -> Answer:
        given = self.input(CloseDayInput)
        return self.close(self.day(given.channel, day), given.override, guard)


class ReopenDay(Periods):
    """The way back of a day, which takes two persons."""

    scopes: ClassVar[dict[str, str]] = {"POST": "reconciliation:write"}

    @described(
        "reopen_day",
        "Ask a second person to reopen a channel's day",
        {202: REQUIRES_APPROVAL},
        body=ReopenDayInput,
        refusals=[409],
        tag=TAG,
    )
    def post(self, request: Request, day: str) -> HttpResponse:
        """Ask a second person to reopen a channel's day."""
        return self.once(lambda guard: self._reopen(day, guard), self.resume)

    def _reopen(self, day: str, guard: IdempotencyGuard) -> Answer:
        given = self.input(ReopenDayInput)
        why = Why(operator=given.operator, reason=given.reason)
        return accepted(reopen(self.day(given.channel, day), actor=self.caller, why=why, guard=guard))


class CloseMonth(Periods):
    """A month of the merchant."""

    @described("get_month", "A month: whether it is closed, and its checklist", {200: CLOSE}, tag=TAG)
    def get(self, request: Request, month: str) -> HttpResponse:
        """Return whether a month is closed, and its checklist."""
        self.no_query()
        return self.answer(payloads.close(state_of(self.month(month))))

    @described(
        "close_month",
        "Close a month, whose days are closed: what comes later is booked in the next",
        {200: CLOSE, 202: REQUIRES_APPROVAL},
        body=CloseMonthInput,
        refusals=[409],
        tag=TAG,
    )
    def post(self, request: Request, month: str) -> HttpResponse:
        """Close a month whose days are closed: what comes later is booked in the next."""
        return self.once(lambda guard: self._close(month, guard), self.resume)

    def _close(self, month: str, guard: IdempotencyGuard) -> Answer:
        given = self.input(CloseMonthInput)
        return self.close(self.month(month), given.override, guard)


class ReopenMonth(Periods):
    """The way back of a month, which takes two persons."""

    scopes: ClassVar[dict[str, str]] = {"POST": "reconciliation:write"}

    @described(
        "reopen_month",
        "Ask a second person to reopen a month",
        {202: REQUIRES_APPROVAL},
        body=ReopenMonthInput,
        refusals=[409],
        tag=TAG,
    )
    def post(self, request: Request, month: str) -> HttpResponse:
        """Ask a second person to reopen a month."""
        return self.once(lambda guard: self._reopen(month, guard), self.resume)

    def _reopen(self, month: str, guard: IdempotencyGuard) -> Answer:
        given = self.input(ReopenMonthInput)
        why = Why(operator=given.operator, reason=given.reason)
        return accepted(reopen(self.month(month), actor=self.caller, why=why, guard=guard))


_FORMS: Final = {"date": "YYYY-MM-DD", "month": "YYYY-MM"}


def _first(given: str, name: str, first: str) -> date:
    """The first day of what an address names; `first` is how that is written."""
    try:
        day = date.fromisoformat(first)
    except ValueError:
        day = None
    # Python also reads forms that nobody means here, as 20261129 and 2026-W48-7.
    if day is None or day.isoformat() != first:
        raise wrong(name, "invalid_format", f"Write it as {_FORMS[name]}.")
    return day


def _answer(done: State | Approval) -> Answer:
    return accepted(done) if isinstance(done, Approval) else Answer(200, payloads.close(done))
