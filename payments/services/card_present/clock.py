"""A device's clock that runs ahead: what it dates days ahead is booked on that day, with a discrepancy."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import gettext_noop

from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind
from payments.services import discrepancy
from payments.services.card_present.context import Work
from payments.services.card_present.types import DeviceTransaction
from payments.text.messages import message_columns

AHEAD: Final = timedelta(days=1)
_TEXT: Final = gettext_noop(
    "{terminal} dates transactions ahead of time, up to {moment} (UTC). They are booked on the day it says. "
    "Set its clock, and check the days they stand on."
)


def note_clock(work: Work, rows: Sequence[DeviceTransaction]) -> None:
    """Tell of transactions dated more than a day in the future: one discrepancy per device and series, which grows."""
    ahead = [row for row in rows if row.occurred_at > work.uow.now + AHEAD and row.evidence_id is None]
    if not ahead:
        return
    key = f"{DiscrepancyKind.CLOCK_DIFFERS}:{work.device.terminal_id}/{work.device.series}"
    known = Discrepancy.objects.filter(merchant=work.merchant, key=key).exclude(status=Discrepancy.Status.RESOLVED)
    before = known.values_list("sequences", flat=True).first() or []
    sequences = [*before, *([row.sequence, row.sequence] for row in ahead)]
    text = message_columns(_TEXT, terminal=work.device.label, moment=_readable(max(row.occurred_at for row in ahead)))
    if before:
        discrepancy.update_open_discrepancy(merchant=work.merchant, key=key, sequences=sequences, **text)
    work.uow.open_discrepancy(
        DiscrepancyKind.CLOCK_DIFFERS,
        key,
        channel_id=work.device.channel.id,
        terminal_id=work.device.terminal_id,
        sequences=sequences,
        **text,
    )
    for row in ahead:
        work.keys[row.sequence].append(key)


def _readable(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
