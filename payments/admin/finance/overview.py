"""Today's figures of the first page: together, online and in store beside a week ago, by channel, hour and method."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.utils import formats
from django.utils.translation import gettext as _

from payments import statistics
from payments.admin.base import render
from payments.admin.base.addresses import list_url
from payments.admin.base.links import open_page_link
from payments.admin.base.page import Section
from payments.admin.finance.sales import MEASURES
from payments.core.money import Money
from payments.models import Channel, Merchant, Payment
from payments.models.payment import Method, Origin
from payments.people.models import User
from payments.people.permissions import May, within
from payments.text.formatting import title

WEEK: Final = timedelta(days=7)
_ALWAYS: Final = (Origin.ONLINE, Origin.IN_STORE)


@dataclass(slots=True)
class Figures:
    """Sales and what was given back, in minor units."""

    sales_count: int = 0
    sales_amount: int = 0
    refunds_count: int = 0
    refunds_amount: int = 0
    chargebacks_amount: int = 0
    net_amount: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        for name in MEASURES:
            setattr(self, name, getattr(self, name) + row[name])

    @property
    def average(self) -> int:
        """Of a sale, rounded half up; 0 where nothing was sold."""
        return statistics.average(self.sales_amount, self.sales_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the band. `change` compares the hours that are over with the same hours a week ago."""

    title: str
    link: str
    figures: Figures
    change: str = ""
    grows: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Amounts by their labels: drawn by Chart.js from `data`, and readable as a table."""

    title: str
    kind: str
    amounts: Mapping[str, int]
    currency: str
    table: Section

    @property
    def data(self) -> str:
        """What the script draws: labels, and amounts in major units with how they are written."""
        values = [str(Money(amount, self.currency).to_decimal()) for amount in self.amounts.values()]
        written = [render.amount(amount, self.currency) for amount in self.amounts.values()]
        return json.dumps({"labels": list(self.amounts), "values": values, "written": written})


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One currency's day."""

    currency: str
    band: list[Column]
    compared: str
    channels: Section
    charts: list[Chart]

    @property
    def is_compared(self) -> bool:
        """Whether there was a day like this a week ago."""
        return any(column.change for column in self.band)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """What was sold in one currency, and a week ago; `filters` narrow the list of payments down to the day."""

    merchant: Merchant
    date: date
    now: datetime
    currency: str
    rows: Sequence[dict[str, Any]]
    before: Sequence[dict[str, Any]]

    @property
    def filters(self) -> dict[str, str]:
        return dict.fromkeys(("business_day_from", "business_day_to"), self.date.isoformat())


def today(user: User, merchant: Merchant, now: datetime) -> list[Overview]:
    """Return the day so far, of the channels that the person may see; the merchant's own currency first."""
    day = merchant.business_day(now)
    channels = Channel.objects.filter(within(user, May.SEE, channel="id"), merchant=merchant).in_bulk()
    rows = _rows(merchant, day, channels)
    before = _rows(merchant, day - WEEK, channels) if rows else []
    currencies = sorted({row["currency"] for row in rows}, key=lambda code: (code != merchant.currency, code))
    days = [
        _Day(
            merchant=merchant,
            date=day,
            now=now,
            currency=currency,
            rows=[row for row in rows if row["currency"] == currency],
            before=[row for row in before if row["currency"] == currency],
        )
        for currency in currencies
    ]
    return [_overview(each, channels) for each in days]


def _rows(merchant: Merchant, day: date, channels: Mapping[str, Channel]) -> list[dict[str, Any]]:
    found = statistics.figures(
        merchant_id=merchant.id, first=day, last=day, groups=["channel", "origin", "hour", "method"]
    )
    return [row for row in found if row["channel_id"] in channels]


def _overview(day: _Day, channels: Mapping[str, Channel]) -> Overview:
    until = day.now.astimezone(day.merchant.zone).replace(minute=0)
    return Overview(
        currency=day.currency,
        band=list(_band(day)),
        compared=_("net up to %(hour)s, beside %(day)s")
        % {"hour": formats.date_format(until, "H:i"), "day": render.day(day.date - WEEK)},
        channels=_channels(day, channels),
        charts=[_by_hour(day), _by_method(day)],
    )


def _band(day: _Day) -> Iterator[Column]:
    """Together, online and in store; what came by other origins only where there is some."""
    yield _column(day, _("together"), set(Origin.values), {})
    for origin in Origin:
        if origin in _ALWAYS or any(row["origin"] == origin for row in day.rows):
            yield _column(day, str(origin.label), {origin.value}, {"origin__exact": origin.value})


def _column(day: _Day, name: str, among: set[str], filters: dict[str, str]) -> Column:
    own, then = ([row for row in rows if row["origin"] in among] for rows in (day.rows, day.before))
    change, grows = _change(own, then, day.now.astimezone(day.merchant.zone).hour)
    return Column(
        title=name,
        link=list_url(Payment, **day.filters, **filters),
        figures=_sum(own),
        change=change,
        grows=grows,
    )


def _sum(rows: Iterable[Mapping[str, Any]]) -> Figures:
    figures = Figures()
    for row in rows:
        figures.add(row)
    return figures


def _change(rows: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]], hour: int) -> tuple[str, bool]:
    """How the net of the full hours differs from a week ago; nothing where nothing was sold then."""
    now, then = (_sum(row for row in each if row["hour"] < hour).net_amount for each in (rows, before))
    if then <= 0:
        return "", True
    percent = round((now - then) * 100 / then)
    return f"{'+' if percent >= 0 else '−'}{formats.number_format(abs(percent))} %", percent >= 0


def _channels(day: _Day, channels: Mapping[str, Channel]) -> Section:
    sums: dict[str, Figures] = defaultdict(Figures)
    for row in day.rows:
        sums[row["channel_id"]].add(row)
    ordered = sorted(sums.items(), key=lambda item: -item[1].net_amount)
    return Section(
        id=f"channels-{day.currency}",
        title=_("By channel"),
        columns=[_("channel"), _("sales"), _("sold"), _("given back"), _("net"), _("average")],
        rows=[
            [
                open_page_link(
                    list_url(Payment, channel__id__exact=channel_id, **day.filters), channels[channel_id].name
                ),
                render.count(figures.sales_count),
                render.money(figures.sales_amount, day.currency),
                render.money(figures.refunds_amount, day.currency),
                render.money(figures.net_amount, day.currency),
                render.money(figures.average, day.currency),
            ]
            for channel_id, figures in ordered
        ],
    )


def _by_hour(day: _Day) -> Chart:
    sums: dict[int, int] = defaultdict(int)
    for row in day.rows:
        sums[row["hour"]] += row["net_amount"]
    hours = range(min(sums), max(sums) + 1) if sums else range(0)
    return _chart(day, "hour", _("By hour"), {f"{hour:02}:00": sums[hour] for hour in hours})


def _by_method(day: _Day) -> Chart:
    sums: dict[str, int] = defaultdict(int)
    names = dict(Method.choices)
    for row in day.rows:
        method = row["method"]
        sums[title(str(names.get(method, method or _("not chosen yet"))))] += row["net_amount"]
    ordered = dict(sorted(sums.items(), key=lambda item: -item[1]))
    return _chart(day, "method", _("By method"), ordered)


def _chart(day: _Day, name: str, heading: str, amounts: Mapping[str, int]) -> Chart:
    return Chart(
        title=heading,
        kind="bar-across" if name == "method" else "bar",
        amounts=amounts,
        currency=day.currency,
        table=Section(
            id=f"{name}-{day.currency}",
            title=heading,
            columns=["", _("net")],
            rows=[[text, render.money(amount, day.currency)] for text, amount in amounts.items()],
        ),
    )
