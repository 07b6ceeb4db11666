"""Tables that several pages show."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from payments.admin.base import links, render
from payments.admin.base.page import Section
from payments.models import (
    CardEvidence,
    Chargeback,
    Discrepancy,
    Operation,
    Payment,
    Refund,
    RefundPart,
    Transition,
)
from payments.notify.models import Event
from payments.people.models import AuditLog
from payments.text.messages import render_message


def payments(rows: Sequence[Payment], *, this: str | None = None, title: Any = None) -> Section:
    """The tenders of an order, over all channels."""
    return Section(
        id="payments",
        title=title or _("Payments of this order, over all channels"),
        columns=[_("time"), _("payment"), _("channel"), _("method"), _("status"), *_amounts()],
        rows=[
            [
                render.moment(row.occurred_at, row.merchant.zone),
                _("this payment") if row.id == this else render.link(row.id),
                row.channel.name,
                render.method(row),
                render.status(row.status),
                render.money(row.amount, row.currency),
                render.money(row.amount_captured, row.currency),
                render.money(row.amount_refunded, row.currency),
            ]
            for row in rows
        ],
        empty=_("Nothing was paid yet."),
    )


def _amounts() -> list[str]:
    return [_("amount"), _("captured"), _("refunded")]


def operations(rows: Iterable[Operation], zone: ZoneInfo) -> Section:
    """The requests to providers, and their answers."""
    rows = list(rows)
    called = render.people(row.actor for row in rows)
    return Section(
        id="operations",
        title=_("Operations"),
        columns=[
            _("time"),
            _("verb"),
            _("amount"),
            _("outcome"),
            _("carried out by"),
            _("reference at the provider"),
            _("by"),
        ],
        rows=[
            [
                render.moment(row.occurred_at or row.created_at, zone),
                render.VERBS[row.verb],
                render.money(row.amount, row.currency),
                _outcome(row),
                row.get_executor_display(),
                render.quiet(row.provider_reference or render.NOTHING),
                called[row.actor],
            ]
            for row in rows
        ],
        empty=_("No operation."),
    )


def _outcome(row: Operation) -> SafeString:
    outcome = render.outcome(row.outcome)
    return format_html("{} {}", outcome, render.quiet(row.failure_code)) if row.failure_code else outcome


def transitions(rows: Iterable[Transition], zone: ZoneInfo) -> Section:
    """Every transition from one status to another, with its actor."""
    rows = list(rows)
    called = render.people(row.actor for row in rows)
    return Section(
        id="transitions",
        title=_("Status history"),
        columns=[_("time"), pgettext("status", "from"), pgettext("status", "to"), _("by")],
        rows=[
            [
                render.moment(row.at, zone),
                render.status(row.from_status) if row.from_status else render.NOTHING,
                render.status(row.to_status),
                called[row.actor],
            ]
            for row in rows
        ],
        empty=_("The status has not changed yet."),
    )


def refund_parts(rows: Sequence[RefundPart], zone: ZoneInfo) -> Section:
    """What was given back, part by part; needs each one's refund, its channel, and its payment."""
    return Section(
        id="refunds",
        title=_("Refunds"),
        columns=[
            _("time"),
            _("refund"),
            _("channel"),
            _("from payment"),
            _("route"),
            _("status"),
            _("amount"),
            _("reason"),
        ],
        rows=[
            [
                render.moment(row.refund.occurred_at, zone),
                render.link(row.refund_id),
                row.refund.channel.name,
                render.link(row.payment_id),
                row.get_route_display(),
                render.status(row.status),
                render.money(row.amount, row.refund.currency),
                row.refund.reason,
            ]
            for row in rows
        ],
        empty=_("Nothing was refunded."),
    )


def parts_of(refunds: Iterable[Refund], *, payment: str | None = None) -> list[RefundPart]:
    """The parts of these refunds, of one payment or of all; each knows its refund without another query."""
    found = []
    for refund in refunds:
        for part in refund.parts.all():
            part.refund = refund
            if payment in (None, part.payment_id):
                found.append(part)
    return found


def chargebacks(rows: Sequence[Chargeback], zone: ZoneInfo) -> Section:
    """What cardholders' banks took back."""
    return Section(
        id="chargebacks",
        title=_("Chargebacks"),
        columns=[
            _("opened at"),
            _("chargeback"),
            _("stage"),
            _("status"),
            _("amount"),
            _("reason"),
            _("respond by"),
            _("closed at"),
        ],
        rows=[
            [
                render.moment(row.opened_at, zone),
                render.link(row.id),
                row.get_stage_display(),
                render.status(row.status),
                render.money(row.amount, row.currency),
                row.reason or render.NOTHING,
                render.moment(row.respond_by, zone),
                render.moment(row.closed_at, zone),
            ]
            for row in rows
        ],
    )


def discrepancies(rows: Iterable[Discrepancy], zone: ZoneInfo) -> Section:
    """The object's discrepancies."""
    return Section(
        id="discrepancies",
        title=_("Discrepancies"),
        columns=[_("time"), _("discrepancy"), _("kind"), _("status"), _("amount"), _("detail")],
        rows=[
            [
                render.moment(row.created_at, zone),
                render.link(row.id),
                row.get_kind_display(),
                render.label(row.get_status_display(), render.COLORS.get(row.status, "")),
                render.money(row.amount, row.currency) if row.currency else render.NOTHING,
                render_message(row.detail, row.message),
            ]
            for row in rows
        ],
    )


def evidence(rows: Iterable[CardEvidence], zone: ZoneInfo) -> Section:
    """What a terminal can prove, with its receipts."""
    return Section(
        id="evidence",
        title=_("Card evidence"),
        columns=[
            _("time"),
            _("terminal"),
            _("sequence"),
            _("type"),
            _("amount"),
            "RRN",
            "STAN",
            _("authorization code"),
            "TID",
            _("receipt"),
        ],
        rows=[
            [
                render.moment(row.occurred_at, zone),
                render.link(row.terminal_id),
                f"{row.series}/{row.sequence}",
                row.type,
                render.money(row.amount, row.currency),
                row.rrn or render.NOTHING,
                row.stan or render.NOTHING,
                row.authorization_code or render.NOTHING,
                row.acquirer_tid or render.NOTHING,
                receipts(row.posted),
            ]
            for row in rows
        ],
    )


def receipts(posted: dict[str, Any]) -> SafeString | str:
    """The receipts as they were printed, folded up."""
    receipt = posted.get("receipt") or {}
    text = "\n\n".join(str(receipt[name]) for name in ("customer", "merchant") if receipt.get(name))
    if not text:
        return render.NOTHING
    return format_html("<details><summary>{}</summary><pre>{}</pre></details>", _("show"), text)


def events(object_ids: Collection[str], zone: ZoneInfo) -> Section:
    """The events that were sent about these objects."""
    rows = Event.objects.filter(object_id__in=object_ids).order_by("id")
    return Section(
        id="events",
        title=_("Events"),
        columns=[_("time"), _("type"), _("object"), _("event")],
        rows=[[render.moment(row.created_at, zone), row.type, render.link(row.object_id), row.id] for row in rows],
        empty=_("No events were sent."),
    )


def audit(object_id: str, zone: ZoneInfo) -> Section:
    """Who changed what about it."""
    rows = list(AuditLog.objects.filter(object_id=object_id).order_by("-id")[:100])
    called = render.people(row.actor for row in rows)
    return Section(
        id="audit",
        title=_("Audit log"),
        columns=[_("time"), _("action"), _("by"), _("before"), _("after")],
        rows=[
            [
                render.moment(row.at, zone),
                row.action,
                called[row.actor],
                _pairs(row.before),
                _pairs(row.after),
            ]
            for row in rows
        ],
    )


def _pairs(details: dict[str, Any] | None) -> str | SafeString:
    pairs = ((name, _value(value)) for name, value in (details or {}).items())
    return format_html_join(", ", "{}: {}", pairs) or render.NOTHING


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[list[Any]]:
    """What changed, name by name."""
    old, new = before or {}, after or {}
    return [[name, _value(old.get(name)), _value(new.get(name))] for name in dict.fromkeys([*old, *new])]


def _value(value: Any) -> str | SafeString:
    """A value as it was kept: yes and no in words, a dash for none, an id of ours as a link by the name it has now."""
    if value is None or value in ("", [], {}):
        return render.NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return format_html_join(", ", "{}", ((_value(one),) for one in value))
    if isinstance(value, dict):
        if value.keys() == {"amount", "currency"}:
            return render.amount(value["amount"], value["currency"])
        return format_html("({})", _pairs(value))
    return links.named_link(str(value))
