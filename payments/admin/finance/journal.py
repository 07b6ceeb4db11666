"""What is booked about an object, line by line in two columns: a table that several pages show."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from payments.admin.base import render
from payments.admin.base.links import settlement_link
from payments.admin.base.page import Section
from payments.ledger.queries import Excerpt
from payments.models import Chargeback, Operation, Payment, RefundPart
from payments.queries import books
from payments.text.formatting import whole


def items_of(
    payments: Iterable[Payment], parts: Iterable[RefundPart], chargebacks: Iterable[Chargeback]
) -> dict[int, str]:
    """The open items that these are in the books, and whose they are."""
    about = {row.item: row.id for row in payments}
    about |= {row.item: row.id for row in chargebacks}
    return about | {part.item: part.refund_id for part in parts}


def section(about: Mapping[int, str], operations: Iterable[Operation] = ()) -> Section:
    """The entries about these open items (and whose they are) and of these operations, line by line in two columns."""
    found = books.story(list(about), [row.id for row in operations])
    names = books.names({posting.account.code for row in found for posting in row.postings})
    return Section(
        id="journal",
        title=_("Journal entries"),
        columns=[_("booked on"), _("event"), _("account"), _("about"), _("debit"), _("credit")],
        rows=[line for row in found for line in _lines(row, names, about)],
        empty=_("Nothing is booked."),
    )


def _lines(found: Excerpt, names: dict[str, str], about: Mapping[int, str]) -> list[list[Any]]:
    lines = []
    for number, posting in enumerate(sorted(found.postings, key=lambda posting: posting.line)):
        currency = posting.account.currency
        lines.append(
            [
                render.day(found.entry.book_date) if number == 0 else "",
                _event(found) if number == 0 else "",
                names[posting.account.code],
                render.link(about.get(posting.item or 0)) if posting.item in about else "",
                render.money(posting.amount, currency) if posting.amount > 0 else "",
                render.money(-posting.amount, currency) if posting.amount < 0 else "",
            ]
        )
    return lines


def _event(found: Excerpt) -> SafeString:
    """The event, which leads to the whole entry; and to the settlement where only some of its lines are shown."""
    entry, shown = found.entry, len(found.postings)
    note: str = entry.key
    if shown < entry.lines:
        counts = {"shown": whole(shown), "lines": whole(entry.lines)}
        note = settlement_link(entry.key, _("%(shown)s of the settlement's %(lines)s lines") % counts)
    return format_html('{}<br><span class="ot-quiet">{}</span>', render.link(entry.id, render.event(entry.event)), note)
