"""What happened on a day or in a month and is booked on a later day, as it came after the closing."""

from typing import Final

from django.utils.translation import gettext as _

from payments.admin.base import render
from payments.admin.base.page import Section
from reconciliation.closing import State
from reconciliation.sql.late_entries import late_entries as read

MOST: Final = 50


def late_entries(state: State) -> Section:
    """The journal entries that came late, the newest first."""
    scope = state.scope
    rows = read(scope.merchant, scope.first, scope.last, channel_id=scope.channel_id, limit=MOST + 1)
    return Section(
        id="late",
        title=_("Came later, and is booked on a later day"),
        columns=[_("entry"), _("event"), _("occurred at"), _("booked on")],
        rows=[
            [
                render.link(row.id, row.key),
                render.event(row.event),
                render.moment(row.occurred_at, scope.merchant.zone),
                render.day(row.book_date),
            ]
            for row in rows[:MOST]
        ],
        empty=_("Nothing."),
        more=_("There are more.") if len(rows) > MOST else "",
    )
