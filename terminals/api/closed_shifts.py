"""Shifts as finance and back offices see them: what devices counted, beside what the books hold."""

from typing import Annotated

from django.http import HttpResponse
from rest_framework.request import Request

from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import page_of
from payments.core.input_types import Day, text
from payments.models import Channel
from terminals import payloads, queries
from terminals.api.schemas import SHIFT
from terminals.api.terminals import TAG, TerminalView
from terminals.models import Shift


class ShiftsFilter(Paging):
    """Which shifts to list."""

    terminal: Annotated[str, text(64)] | None = None
    """Only shifts of this terminal, by its id."""
    channel: Channel | None = None
    """Only shifts of terminals in this store, by its id."""
    status: Shift.Status | None = None
    """Only shifts that are `open`, that agree with the books, or that differ from them."""
    business_day: Day | None = None
    """Only shifts that were closed on this day, in the merchant's time zone."""


class ClosedShifts(TerminalView):
    """All shifts."""

    @described("list_shifts", "Shifts, newest first", {200: page_of(SHIFT)}, query=ShiftsFilter, tag=TAG)
    def get(self, request: Request) -> HttpResponse:
        """List shifts with what the device counted and where the books differ, newest first."""
        query = self.query(ShiftsFilter)
        named = (
            ("terminal_id", query.terminal),
            ("channel", query.channel),
            ("status", query.status),
            ("business_day", query.business_day),
        )
        rows = queries.shifts().filter(**{name: value for name, value in named if value is not None})
        return self.page(self.own(rows), payloads.shift, query)


class OneShift(TerminalView):
    """One shift, by the id that `terminal.shift_closed` tells."""

    @described("get_shift", "One shift", {200: SHIFT}, refusals=[404], tag=TAG)
    def get(self, request: Request, shift_id: str) -> HttpResponse:
        """Return one shift as it compares with the books now."""
        self.no_query()
        return self.answer(payloads.shift(self.one(self.own(queries.shifts()), id=shift_id)))
