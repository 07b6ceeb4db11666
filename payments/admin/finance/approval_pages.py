"""What a second person sees before deciding: the case, with the money it moves, the changes and the postings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from payments.accounting import journal
from payments.admin.base import render, tables
from payments.admin.base.page import Section
from payments.models import CardEvidence, Channel, Merchant, ProviderAccount, Refund, RefundPart
from payments.models.refund import Route
from payments.payloads import REFUND_PREFETCH
from payments.people.models import ApiKey, Approval, User
from payments.queries import books
from payments.services.setting_notices import Row, name_of_setting

LIMITS = {"second_person_above", "second_person_above_daily", "cash_rounding", "close_threshold"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is to be decided: `what` in a line, what is so about it, and tables that prove it and say what follows."""

    what: Any
    facts: Sequence[tuple[Any, Any]] = field(default_factory=tuple)
    sections: Sequence[Section] = field(default_factory=tuple)


def case_of(approval: Approval) -> Case:
    """The case of an approval, built by the app that owns its subject (`APPROVAL_PAGES` in the settings)."""
    build: Callable[[Approval], Case] = import_string(settings.APPROVAL_PAGES[approval.action])
    return build(approval)


def refund(approval: Approval) -> Case:
    """A refund that waits, or of which a transfer was released."""
    id_ = approval.subject_id
    if approval.action == Approval.Action.RELEASE_TRANSFER:
        id_ = RefundPart.objects.values_list("refund_id", flat=True).get(id=id_)
    rows = Refund.objects.select_related("merchant", "channel", "order__customer").prefetch_related(*REFUND_PREFETCH)
    row = rows.get(id=id_)
    parts = tables.parts_of([row])
    customer = row.order.customer
    others = Refund.objects.filter(order_id=row.order_id).exclude(id=row.id).select_related("merchant", "channel")
    given = tables.parts_of(others.prefetch_related("parts").order_by("id"))
    return Case(
        what=render.amount(row.amount, row.currency),
        facts=[
            (_("refund"), render.link(row.id)),
            (_("order"), render.link(row.order_id, row.order.reference)),
            (_("customer"), customer and (customer.name or customer.email or customer.reference)),
            (_("reason"), row.reason),
            (_("channel"), row.channel.name),
            (_("operator"), row.operator),
            (_("paid on the order"), render.amount(row.order.captured, row.currency)),
            (_("still refundable after this"), render.amount(row.order.refundable, row.currency)),
        ],
        sections=[
            _refund_parts(row, parts),
            _refund_effect(row, parts),
            *_evidence(row, parts),
            *([tables.refund_parts(given, row.merchant.zone)] if given else []),
        ],
    )


def setting(approval: Approval) -> Case:
    """A change of a merchant, a channel or a provider account: each value as it is and as it would be."""
    row = _setting_row(approval)
    payload = approval.payload
    rows = [
        [capfirst(name_of_setting(row, name)), _value(row, name, payload["before"].get(name)), _value(row, name, value)]
        for name, value in payload["changes"].items()
    ]
    rows += [[_("credential %(name)s") % {"name": name}, "", _("replaced")] for name in payload.get("credentials", ())]
    return Case(
        what=row.name,
        facts=[(capfirst(str(row._meta.verbose_name)), render.link(row.id, row.name))],
        sections=[
            Section(id="changes", title=_("What changes"), columns=[_("setting"), _("now"), _("then")], rows=rows)
        ],
    )


def account(approval: Approval) -> Case:
    """A colleague's account, whose second factor is to be taken away."""
    row = User.objects.prefetch_related("roles").get(id=approval.subject_id)
    roles = ", ".join(str(role.get_role_display()) for role in row.roles.all())
    return Case(
        what=row.get_full_name() or row.get_username(),
        facts=[(_("e-mail address"), row.email), (_("roles"), roles)],
    )


def effect(lines: Sequence[tuple[str, str, str, int]], *, refused: str = "") -> Section:
    """What would be booked, in two columns: per line the event, the account's code, the currency, the amount (debit +).

    `refused`: why nothing could be.
    """
    names = books.names({code for _event, code, _currency, _amount in lines})
    return Section(
        id="effect",
        title=_("What it books"),
        columns=[_("event"), _("account"), _("debit"), _("credit")],
        rows=[
            [
                render.event(event),
                names[code],
                render.money(amount, currency) if amount > 0 else "",
                render.money(-amount, currency) if amount < 0 else "",
            ]
            for event, code, currency, amount in lines
        ],
        empty=refused or _("Nothing."),
    )


def requester(actor: str) -> str:
    """The requester's name; for an API key also who made the key."""
    called = render.people([actor])[actor]
    key = ApiKey.objects.filter(id=actor).first()
    if key is None:
        return called
    maker = render.people([key.created_by])[key.created_by]
    return _("%(key)s, made by %(maker)s") % {"key": called, "maker": maker}


def limit_text(approval: Approval, currency: str) -> str:
    """The limit that was exceeded and the amount that exceeds it; empty where none was."""
    limit = approval.payload.get("limit")
    if not limit:
        return ""
    figures = {
        "counted": render.amount(limit["counted"], limit["currency"]),
        "limit": render.amount(limit["amount"], currency),
    }
    if limit["currency"] != currency:
        return _("%(counted)s cannot be held against the limit of %(limit)s") % figures
    if limit.get("rule"):
        return _("%(counted)s; the limit of “%(rule)s” is %(limit)s") % {**figures, "rule": limit["rule"]["name"]}
    if limit["limit"] == "second_person_above_daily":
        return _("%(counted)s on one day by one person; the limit is %(limit)s") % figures
    return _("%(counted)s in all; the limit is %(limit)s") % figures


def _refund_parts(row: Refund, parts: Sequence[RefundPart]) -> Section:
    return Section(
        id="parts",
        title=_("How it goes back"),
        columns=[_("from payment"), _("method"), _("route"), _("amount")],
        rows=[
            [
                render.link(part.payment_id),
                render.method(part.payment) if part.payment else render.NOTHING,
                Route(part.route).label,
                render.money(part.amount, row.currency),
            ]
            for part in parts
        ],
    )


def _refund_effect(row: Refund, parts: Sequence[RefundPart]) -> Section:
    """Its acceptance; how each part is paid follows from its route."""
    entries = [
        journal.refund_accepted(row.merchant, part, row.channel_id, row.currency, row.occurred_at) for part in parts
    ]
    lines = [
        (entry.event, line.account.code, line.account.currency, line.amount)
        for entry in entries
        for line in entry.lines
    ]
    return effect(lines)


def _evidence(row: Refund, parts: Sequence[RefundPart]) -> list[Section]:
    """The card transactions of what is given back from, where there were any."""
    paid = {part.payment_id for part in parts if part.payment_id}
    found = list(CardEvidence.objects.filter(payment_id__in=paid).order_by("id")[:20]) if paid else []
    return [tables.evidence(found, row.merchant.zone)] if found else []


def _setting_row(approval: Approval) -> Row:
    kind, id_ = approval.subject_id.partition("_")[0], approval.subject_id
    if kind == "mer":
        return Merchant.objects.get(id=id_)
    if kind == "chn":
        return Channel.objects.get(id=id_)
    row = ProviderAccount.objects.filter(id=id_).first()
    return row or ProviderAccount(id=id_, **approval.payload["changes"])


def _value(row: Row, name: str, value: Any) -> Any:
    """A setting as people read it."""
    if isinstance(row, Merchant) and name in LIMITS:
        return _("no limit") if value is None else render.amount(value, row.currency)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name == "refund_routes":
        return ", ".join(str(Route(route).label) for route in value) if value else _("all")
    if name == "refund_fallback":
        return Merchant.RefundFallback(value).label
    return value if value not in (None, "", []) else render.NOTHING
