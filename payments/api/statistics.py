"""Statistics: sales figures by the day, including what was committed a moment ago."""

from calendar import monthrange
from datetime import date
from typing import Annotated, Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from msgspec import field
from rest_framework.request import Request

from payments import payloads, statistics
from payments.api.inputs import Query
from payments.api.openapi import described
from payments.api.schemas import CHANNEL_REF, CURRENCY, DAY, MINOR_UNITS, TEXT, WHOLE, define, many, maybe, record, word
from payments.api.views import ApiView
from payments.core.errors import Fault, ValidationFailed
from payments.core.input_types import Currency, Day, chosen, some_of
from payments.models import Channel, Merchant

Shape = dict[str, Any]

_FIGURES = record(
    currency=CURRENCY,
    sales_count=WHOLE,
    sales_amount=MINOR_UNITS,
    refunds_count=WHOLE,
    refunds_amount=MINOR_UNITS,
    chargebacks_amount=MINOR_UNITS,
    net_amount=MINOR_UNITS,
    average_amount=MINOR_UNITS,
    tips_amount=MINOR_UNITS,
)
_GROUPS = {
    "channel": CHANNEL_REF,
    "business_day": DAY,
    "method": maybe(TEXT),
    "origin": TEXT,
    "brand": maybe(TEXT),
    "hour": {"type": "integer", "minimum": 0, "maximum": 23},
}
STATISTICS = define(
    "Statistics",
    record(
        object=word("statistics"),
        **{"from": DAY, "to": DAY},
        rows=many({**_FIGURES, "properties": {**_FIGURES["properties"], **_GROUPS}}),
    ),
)


class StatisticsQuery(Query):
    """Which days, both inclusive, and by what."""

    from_: Day | None = field(name="from", default=None)
    """First business day, inclusive; the first of the current month, or of the month of `to`, when left out."""
    to: Day | None = None
    """Last business day, inclusive; the end of the current month when left out."""
    group_by: Annotated[str, some_of(statistics.GROUPS)] | None = None
    """What rows are made of, with commas between; one row a currency when left out."""
    currency: Currency | None = None
    """Only figures in this currency."""


class Statistics(ApiView):
    """The figures of a merchant, or of the channel that a key is tied to."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read"}

    @described("get_statistics", "Sales figures", {200: STATISTICS}, query=StatisticsQuery, tag="Statistics")
    def get(self, request: Request) -> HttpResponse:
        """Return sales and refunds by business day, both days inclusive, including what was committed a moment ago;
        the current month when no days are named.
        """
        query = self.query(StatisticsQuery)
        first, last = _days(query, self.merchant)
        groups = chosen(query.group_by)
        rows = statistics.figures(
            merchant_id=self.caller.merchant_id,
            first=first,
            last=last,
            groups=groups,
            channel_id=self.caller.channel_id,
            currency=query.currency,
        )
        channels = Channel.objects.filter(merchant_id=self.caller.merchant_id).in_bulk() if "channel" in groups else {}
        days = {"from": payloads.day(first), "to": payloads.day(last)}
        return self.answer({"object": "statistics", **days, "rows": [_row(row, channels) for row in rows]})


def _days(query: StatisticsQuery, merchant: Merchant) -> tuple[date, date]:
    """The requested days; by default the current month's in the merchant's zone, or the month of the one day given."""
    today = merchant.business_day(timezone.now())
    first = query.from_ or min(today, query.to or today).replace(day=1)
    last = query.to or _end_of_month(max(today, first))
    if first > last:
        raise ValidationFailed([Fault("to", "out_of_range", f"Send a day from {first} on.")])
    return first, last


def _end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _row(row: dict[str, Any], channels: dict[str, Channel]) -> Shape:
    shape = {name: value for name, value in row.items() if name != "channel_id"}
    if "channel_id" in row:
        shape["channel"] = payloads.channel_ref(channels[row["channel_id"]])
    if "business_day" in row:
        shape["business_day"] = payloads.day(row["business_day"])
    for name in ("method", "brand"):
        if name in row:
            shape[name] = row[name] or None
    return shape
