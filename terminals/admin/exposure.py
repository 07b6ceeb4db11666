"""What was approved offline and is not settled, as a page: by store, terminal and age, and a sum per currency."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from payments.admin.base import render
from payments.admin.base.access import can, person
from payments.admin.base.page import Section
from payments.models import Payment
from payments.people.permissions import May, within
from terminals.exposure import AGES, Exposure, exposures


def exposure_page(request: HttpRequest) -> HttpResponse:
    """Of the channels in which the person may see payments."""
    if not can(request, May.SEE):
        raise PermissionDenied
    found = exposures(Payment.objects.filter(within(person(request), May.SEE)), now=timezone.now())
    sections = [_table(currency, found) for currency in sorted({one.currency for one in found})]
    shown = {
        "title": _("Approved offline"),
        "sections": sections,
        "empty": _("Nothing that a terminal approved offline waits for its settlement."),
    }
    return TemplateResponse(request, "terminals/exposure.html", {**admin.site.each_context(request), **shown})


def _table(currency: str, found: Sequence[Exposure]) -> Section:
    rows = [one for one in found if one.currency == currency]
    sums = [sum(one.ages[at].amount for one in rows) for at in range(len(AGES))]
    return Section(
        id=f"exposure-{currency}",
        title=currency,
        columns=[_("store"), _("terminal"), _("number"), _("amount"), *_ages(), _("the oldest")],
        rows=[
            [
                render.link(one.channel_id, one.channel_name),
                render.link(one.terminal_id, one.terminal_label),
                one.count,
                render.money(one.amount, currency),
                *(render.money(aged.amount, currency) for aged in one.ages),
                render.age(timezone.now() - one.oldest_at),
            ]
            for one in rows
        ],
        totals=[
            *(_("together"), "", sum(one.count for one in rows)),
            render.money(sum(sums), currency),
            *(render.money(amount, currency) for amount in sums),
            "",
        ],
    )


def _ages() -> list[Any]:
    names, after = [], 0
    for until in AGES:
        if until is None:
            names.append(_("%(days)d days and more") % {"days": after})
        else:
            names.append(ngettext("up to %(days)d day", "up to %(days)d days", until) % {"days": until})
            after = until
    return names
