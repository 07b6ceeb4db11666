"""What was done about a discrepancy, as its page shows it."""

from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_date
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments.admin.base import render
from payments.admin.base.page import Section
from payments.models import Discrepancy
from reconciliation.admin.render import named
from reconciliation.models import MatchingRule, ResolutionStep

_DONE = {
    "match": _("matched"),
    "accept": _("accepted as it is"),
    "book_fee": _("booked as the provider's fee"),
    "suspense": _("left in suspense"),
    "write_off": _("written off"),
    "ask_provider": _("the provider is asked"),
    "wait": _("waiting"),
    "captured": _("settled as carried out"),
    "declined": _("settled as not carried out"),
    "explained": _("explained by itself"),
    "tolerance": _("within the tolerance of its matching rule"),
    "undo": _("undone"),
}


def steps(row: Discrepancy) -> list[Section]:
    """What was done about it step by step, and what of it was undone; nothing, before anything was."""
    found = list(row.steps.select_related("part_of").order_by("number"))
    names = render.people(filter(None, [who for step in found for who in (step.actor, step.undone_by)]))
    zone, currency = row.merchant.zone, row.currency or ""
    if not found:
        return []
    return [
        Section(
            id="steps",
            title=gettext("What was done"),
            columns=[gettext("time"), gettext("what"), gettext("amount"), gettext("by"), gettext("undone")],
            rows=[
                [
                    render.moment(step.created_at, zone),
                    format_html_join(" · ", "{}", ((part,) for part in _what(step) if part)),
                    render.NOTHING if step.amount is None else render.money(abs(step.amount), currency),
                    names.get(step.actor, step.actor),
                    step.undone_at
                    and format_html("{} · {}", render.moment(step.undone_at, zone), names.get(step.undone_by, "")),
                ]
                for step in found
            ],
        )
    ]


def _what(step: ResolutionStep) -> list[Any]:
    """What one step did, and what it matched with."""
    others = [render.link(step.part_of.discrepancy_id)] if step.part_of is not None else []
    return [_DONE.get(step.action, step.action), *others, named(step.matched)]


def resolution(done: Mapping[str, Any], names: Mapping[str, str]) -> SafeString | str:
    """What was decided, why, about what, until when and by whom: `booked as the provider's fee · Their fee. · Anna`."""
    until = parse_date(done.get("until") or "")
    parts = [
        _DONE.get(done.get("action", ""), done.get("action")),
        MatchingRule.Rule(done["rule"]).label if done.get("rule") else "",
        MatchingRule.Reason(done["reason"]).label if done.get("reason") else "",
        done.get("note"),
        named(done.get("with") or ()),
        until and render.day(until),
        names.get(done.get("actor") or ""),
    ]
    return format_html_join(" · ", "{}", ((part,) for part in parts if part))
