"""Resolve several discrepancies in one way, after one look at all of them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from payments.admin.base import render, tables
from payments.admin.base.access import person
from payments.admin.base.error_messages import explain
from payments.admin.base.forms import NoteField
from payments.core.errors import OnetillError
from payments.models import Discrepancy
from reconciliation.services.open_balance import possible
from reconciliation.services.resolve import Resolution, resolve

MOST: Final = 100  # at once: a person looks at each of them
# What needs nothing but a reason.
ACTIONS: Final = ("accept", "book_fee", "suspense", "write_off", "ask_provider")


def ask(request: HttpRequest, rows: Sequence[Discrepancy], labels: dict[str, Any]) -> HttpResponse:
    """Show what was chosen and what may be done with all of it, to be confirmed once."""
    open_rows = [row for row in rows if row.status == Discrepancy.Status.OPEN]
    shared = [set(possible(row)) for row in open_rows]
    choices = [(name, labels[name]) for name in ACTIONS if shared and all(name in one for one in shared)]
    sums: dict[str, int] = defaultdict(int)
    for row in open_rows:
        if row.currency is not None:
            sums[row.currency] += row.amount or 0
    context = {
        "title": ngettext("Resolve %(count)d difference", "Resolve %(count)d differences", len(open_rows))
        % {"count": len(open_rows)},
        "rows": open_rows,
        "choices": choices,
        "sums": [render.amount(total, currency) for currency, total in sorted(sums.items())],
        "section": tables.discrepancies(open_rows, rows[0].merchant.zone) if rows else None,
        "left_out": len(rows) - len(open_rows),
    }
    return TemplateResponse(request, "reconciliation/resolve_many.html", context)


def carry_out(request: HttpRequest, rows: Sequence[Discrepancy]) -> None:
    """Resolve each in the way that was confirmed, and say what became of them; one that is refused stops no other."""
    try:
        note = NoteField().clean(request.POST.get("note", ""))
    except ValidationError as fault:
        messages.error(request, " ".join(fault.messages))
        return
    wanted = Resolution(action=request.POST.get("do", ""), note=note)
    done = waiting = 0
    for row in rows:
        try:
            found = resolve(merchant=row.merchant, discrepancy_id=row.id, resolution=wanted, actor=person(request).id)
        except OnetillError as refusal:
            messages.error(request, f"{row.get_kind_display()}: {explain(refusal)}")
        else:
            waiting += found.status == Discrepancy.Status.PROPOSED
            done += found.status != Discrepancy.Status.PROPOSED
    if done:
        messages.success(request, ngettext("%(count)d done.", "%(count)d done.", done) % {"count": done})
    if waiting:
        text = ngettext("%(count)d waits for a second person.", "%(count)d wait for a second person.", waiting)
        messages.success(request, text % {"count": waiting})


def chosen(request: HttpRequest, rows: QuerySet[Discrepancy]) -> list[Discrepancy] | None:
    """Return the rows that were chosen; None, after saying so, where they are too many to look at."""
    found = list(rows.select_related("merchant", "payment").order_by("id")[: MOST + 1])
    if len(found) > MOST:
        messages.error(request, _("Choose at most %(most)d at once.") % {"most": MOST})
        return None
    return found
