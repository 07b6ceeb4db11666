"""Settlements: what a provider says it owes, and by what each of their lines was matched."""

from dataclasses import asdict
from datetime import datetime, time, timedelta
from typing import Annotated, Any, ClassVar, Final, TypeVar

from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import field
from rest_framework.request import Request

from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.pagination import listing, read_cursor, write_cursor
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.core.errors import NotFound
from payments.core.input_types import Day, text
from payments.payloads import Shape, day, instant
from reconciliation.api.discrepancy_schemas import SETTLEMENT, SETTLEMENT_LINE
from reconciliation.models import Settlement
from reconciliation.services.settlement_figures import (
    Figures,
    MatchedLine,
    figures,
    matched_lines,
    number_of,
    public_id,
)

TAG: Final = "Reconciliation"
_ONE_DAY: Final = timedelta(days=1)
Row = TypeVar("Row")


class SettlementsQuery(Paging):
    """Which settlements: by the days, both inclusive, on which they were drawn up."""

    provider_account: Annotated[str, text(64)] | None = None
    """Only settlements of this provider account, by its id."""
    from_: Day | None = field(name="from", default=None)
    """First day, inclusive, on which the settlement was drawn up."""
    to: Day | None = None
    """Last day, inclusive, on which the settlement was drawn up."""


class SettlementView(ApiView):
    """What the addresses of settlements share. They are the merchant's: a key of one channel sees none."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.must_be_untied()

    def rows(self) -> QuerySet[Settlement]:
        return self.own(Settlement.objects.select_related("merchant", "file"), channel=None)

    def named(self, name: str) -> Settlement:
        """Return the settlement of this id.

        Raises:
            NotFound: there is none, or it is not the caller's.
        """
        number = number_of(name)
        row = self.rows().filter(pk=number).first() if number is not None else None
        if row is None or public_id(row) != name:
            raise NotFound.of("settlement")
        return row


class Settlements(SettlementView):
    """All settlements of a merchant."""

    @described(
        "list_settlements", "Settlements, newest first", {200: page_of(SETTLEMENT)}, query=SettlementsQuery, tag=TAG
    )
    def get(self, request: Request) -> HttpResponse:
        """List what providers settled."""
        query = self.query(SettlementsQuery)
        rows = self.rows().order_by("-pk")
        if query.provider_account is not None:
            rows = rows.filter(provider_account_id=query.provider_account)
        if query.from_ is not None:
            rows = rows.filter(closed_at__gte=self._midnight(query.from_))
        if query.to is not None:
            rows = rows.filter(closed_at__lt=self._midnight(query.to + _ONE_DAY))
        if query.cursor is not None:
            rows = rows.filter(pk__lt=_place(query.cursor))
        found = list(rows[: query.limit + 1])
        shown, last = _cut(found, query.limit)
        known = figures(shown)
        data = [_settlement(row, known[row.pk]) for row in shown]
        return self.answer(listing(data, write_cursor(str(last.pk)) if last is not None else None))

    def _midnight(self, day: Day) -> datetime:
        return datetime.combine(day, time(0), self.merchant.zone)


class OneSettlement(SettlementView):
    """One settlement."""

    @described("get_settlement", "One settlement", {200: SETTLEMENT}, refusals=[404], tag=TAG)
    def get(self, request: Request, settlement_id: str) -> HttpResponse:
        """Return one settlement with its totals."""
        self.no_query()
        row = self.named(settlement_id)
        return self.answer(_settlement(row, figures([row])[row.pk]))


class SettlementLines(SettlementView):
    """The lines of one settlement."""

    @described(
        "list_settlement_lines",
        "The lines of a settlement in its own order, with the rule and the signals by which each was matched",
        {200: page_of(SETTLEMENT_LINE)},
        query=Paging,
        refusals=[404],
        tag=TAG,
    )
    def get(self, request: Request, settlement_id: str) -> HttpResponse:
        """List the lines of a settlement in its own order, with the rule and the signals by which each was matched."""
        query = self.query(Paging)
        row = self.named(settlement_id)
        lines = row.lines.order_by("number")
        if query.cursor is not None:
            lines = lines.filter(number__gt=_place(query.cursor))
        shown, last = _cut(list(lines[: query.limit + 1]), query.limit)
        data = [_line(one) for one in matched_lines(row, shown)]
        return self.answer(listing(data, write_cursor(str(last.number)) if last is not None else None))


def _settlement(row: Settlement, known: Figures) -> Shape:
    """One settlement. `gross` less `fees` is `net`; `vat` is the VAT included in the fees, as of its file."""
    return {
        "id": public_id(row),
        "object": row.OBJECT,
        "provider_account": row.provider_account_id,
        "reference": row.reference,
        "from": day(known.first),
        "to": day(known.last),
        "currency": row.currency,
        "gross": row.gross,
        "fees": row.fee + row.vat,
        "vat": row.vat,
        "net": row.net,
        "payout": known.payout,
        "file": row.file_id,
        "lines": known.lines,
        "open": known.open,
        "test_mode": row.merchant.test_mode,
    }


def _line(one: MatchedLine) -> Shape:
    """One line, with the rule and the signals by which it was matched."""
    line = one.line
    signals = [{**asdict(each), "ours": str(each.ours), "theirs": str(each.theirs)} for each in one.signals or ()]
    return {
        "line": line.number,
        "type": line.type,
        "reference": line.reference or None,
        "payment": line.payment_id,
        "operation": line.operation_id,
        "gross": line.gross,
        "fee": line.fee + line.vat,
        "vat": line.vat,
        "net": line.gross - line.fee - line.vat,
        "currency": line.currency,
        "occurred_at": instant(line.occurred_at),
        "match": {"rule": line.rule, "signals": signals} if one.signals is not None else None,
        "discrepancies": list(one.discrepancies),
    }


def _place(cursor: str) -> int:
    """Return the number at which the page before ended."""
    return int(read_cursor(cursor, is_place=lambda text: text.isascii() and text.isdecimal() and len(text) < 19))


def _cut(found: list[Row], limit: int) -> tuple[list[Row], Row | None]:
    """Return a page, and its last row where more of them follow."""
    shown = found[:limit]
    return shown, shown[-1] if len(found) > limit else None
