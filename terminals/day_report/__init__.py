"""The day of a store, or of one of its terminals: what was sold and given back, shifts, till, and what is uncertain.

One report is drawn twice: as a page of the admin (`terminals.admin.day_report`) and as a PDF (`day_report.pdf`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from payments.core.money import Money
from payments.models import Channel, Payment, RefundPart, TillMovement
from payments.models.payment import Method, PaymentStatus
from payments.models.refund import PartStatus
from payments.queries.tills import till_balance_at
from payments.text.formatting import NOTHING, moment
from terminals.models import Shift, Terminal
from terminals.texts import written_difference

Cell = Money | str | int
_MONEY_CAME = (PaymentStatus.CAPTURED, PaymentStatus.AUTHORIZED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns; `totals` is its last line. A table without rows says `empty`."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    totals: Sequence[Sequence[Cell]] = ()
    empty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReport:
    """A day's report in the reader's language; amounts are in the currency in which they were paid."""

    channel: Channel
    terminal: Terminal | None
    day: date
    made_at: datetime
    tables: Sequence[Table]

    @property
    def about(self) -> str:
        """The store, and the terminal if it is about one."""
        return f"{self.channel.name}, {self.terminal.label}" if self.terminal is not None else self.channel.name


def day_report(channel: Channel, day: date, *, terminal: Terminal | None = None, now: datetime) -> DayReport:
    """Return the report of a business day of a store; with `terminal`, of what was done at that terminal alone."""
    payments = Payment.objects.filter(merchant=channel.merchant_id, channel=channel, business_day=day)
    parts = RefundPart.objects.filter(
        refund__merchant=channel.merchant_id, refund__channel=channel, refund__business_day=day
    )
    shifts = Shift.objects.filter(merchant=channel.merchant_id, channel=channel, business_day=day)
    if terminal is not None:
        payments, parts = payments.filter(terminal_id=terminal.id), parts.filter(terminal_id=terminal.id)
        shifts = shifts.filter(terminal=terminal)
    tables = [_sales(payments, parts), _shifts(shifts), _uncertain(payments, parts)]
    if terminal is None:
        tables.insert(2, _till(channel, day, now))
    return DayReport(channel=channel, terminal=terminal, day=day, made_at=now, tables=tables)


def _sales(payments: "QuerySet[Payment]", parts: "QuerySet[RefundPart]") -> Table:
    """By method and brand: what came in, what was given back in this store, and what is left of both."""
    sold = payments.filter(status__in=_MONEY_CAME, amount_captured__gt=0).values("method", "card_brand", "currency")
    # The charge may have been made anywhere; what came back by another method is named by its route.
    given = parts.filter(status=PartStatus.SUCCEEDED).values(
        "payment__method", "payment__card_brand", "refund__currency", "route"
    )
    sums: dict[tuple[str, str, str], list[int]] = {}
    came: Iterable[Any] = sold.annotate(count=Count("pk"), amount=Sum("amount_captured")).order_by()
    for row in came:
        found = sums.setdefault((row["currency"], row["method"], (row["card_brand"] or "").lower()), [0, 0, 0, 0])
        found[0] += row["count"]
        found[1] += row["amount"]
    left: Iterable[Any] = given.annotate(count=Count("pk"), amount=Sum("amount")).order_by()
    for row in left:
        by, brand = _given_by(row)
        found = sums.setdefault((row["refund__currency"], by, brand), [0, 0, 0, 0])
        found[2] += row["count"]
        found[3] += row["amount"]
    return Table(
        name="sales",
        title=_("Sales and refunds"),
        columns=[
            *(_("how"), _("card"), _("sales"), _("sold"), pgettext("plural", "refunds"), _("given back"), _("net")),
        ],
        rows=[
            [_method(by), brand.title() or NOTHING, *_sums(found, of)]
            for (of, by, brand), found in sorted(sums.items())
        ],
        totals=[[_("together"), "", *_sums(_added(sums, of), of)] for of in sorted({key[0] for key in sums})],
        empty=_("Nothing was sold or given back on this day."),
    )


def _given_by(row: dict[str, Any]) -> tuple[str, str]:
    """Refunds on the way they came stand beside their sales; others (bank, voucher, cash) by themselves."""
    if row["route"] in ("original", "terminal") and row["payment__method"]:
        return row["payment__method"], (row["payment__card_brand"] or "").lower()
    return {"terminal": Method.CARD.value, "bank": Method.BANK_TRANSFER.value}.get(row["route"], row["route"]), ""


def _method(name: str) -> str:
    return str(dict(Method.choices).get(name, name)).capitalize()


def _added(sums: dict[tuple[str, str, str], list[int]], currency: str) -> list[int]:
    return [sum(found[at] for key, found in sums.items() if key[0] == currency) for at in range(4)]


def _sums(found: Sequence[int], currency: str) -> list[Cell]:
    return [
        *(found[0], Money(found[1], currency), found[2], Money(found[3], currency)),
        Money(found[1] - found[3], currency),
    ]


def _shifts(shifts: "QuerySet[Shift]") -> Table:
    rows = shifts.select_related("terminal", "merchant").order_by("terminal__label", "id")
    return Table(
        name="shifts",
        title=_("Shifts"),
        columns=[_("shift"), _("terminal"), _("opened at"), _("closed at"), _("status"), _("device less books")],
        rows=[
            [
                row.label,
                row.terminal.label,
                moment(row.opened_at, row.merchant.zone),
                moment(row.closed_at, row.merchant.zone),
                str(row.get_status_display()),
                _differing(row),
            ]
            for row in rows
        ],
        empty=_("No shift was opened or closed on this day."),
    )


def _differing(row: Shift) -> str:
    """Each difference by its card and type, with the amount that the device counts more or less."""
    return ", ".join(written_difference(each) for each in row.differences) or NOTHING


def _till(channel: Channel, day: date, now: datetime) -> Table:
    """What the books held when the day began and ended, and what was counted and moved between."""
    merchant = channel.merchant
    begins = datetime.combine(day, time(0), merchant.zone)
    ends = datetime.combine(day + timedelta(days=1), time(0), merchant.zone)
    held = [
        Money(till_balance_at(channel, merchant.currency, at), merchant.currency) for at in (begins, min(ends, now))
    ]
    moved = TillMovement.objects.filter(channel_id=channel.id, merchant=merchant, business_day=day).order_by("id")
    return Table(
        name="till",
        title=_("Till"),
        columns=[_("time"), _("what"), _("amount"), _("expected"), _("difference"), _("operator"), _("reason")],
        rows=[[NOTHING, _("at the day's beginning"), held[0], *_blank(4)], *_movements(moved, channel)],
        totals=[[NOTHING, _("by the books at its end"), held[1], *_blank(4)]],
    )


def _blank(count: int) -> list[Cell]:
    return [""] * count


def _movements(rows: Iterable[TillMovement], channel: Channel) -> Iterable[list[Cell]]:
    for row in rows:
        difference = NOTHING if row.difference is None else Money(row.difference, row.currency)
        yield [
            moment(row.occurred_at, channel.merchant.zone),
            str(row.get_kind_display()),
            Money(row.amount, row.currency),
            Money(row.expected, row.currency),
            difference,
            row.operator,
            row.reason or NOTHING,
        ]


def _uncertain(payments: "QuerySet[Payment]", parts: "QuerySet[RefundPart]") -> Table:
    """What may still become otherwise: approved offline, or of unknown outcome."""
    offline = payments.filter(provisional=True, status=PaymentStatus.CAPTURED)
    unknown = payments.filter(status=PaymentStatus.UNKNOWN)
    back = parts.filter(status=PartStatus.UNKNOWN)
    sums: list[tuple[str, Iterable[Any]]] = [
        (_("sales approved offline, not settled yet"), _by_currency(offline, "currency", "amount_captured")),
        (_("charges of unknown outcome"), _by_currency(unknown, "currency", "amount")),
        (_("refunds of unknown outcome"), _by_currency(back, "refund__currency", "amount")),
    ]
    return Table(
        name="uncertain",
        title=_("Not certain yet"),
        columns=[_("what"), _("number"), _("amount")],
        rows=[[text, count, Money(total, currency)] for text, rows in sums for currency, count, total in rows],
        empty=_("Everything of this day is certain."),
    )


def _by_currency(rows: "QuerySet[Any]", currency: str, amount: str) -> Iterable[Any]:
    """(currency, how many, how much) of these rows."""
    found: Iterable[Any] = rows.order_by(currency).values_list(currency).annotate(Count("pk"), Sum(amount))
    return found
