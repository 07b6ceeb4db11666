"""A sequence that a device used for two transactions: both are kept, the first is booked, a discrepancy opens."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_noop

from payments.db import bulk
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind
from payments.services import discrepancy
from payments.text.messages import message_columns
from terminals import schemas
from terminals.models import SequenceConflict, Terminal, TerminalTransaction
from terminals.services.posted import Readable


def keep(terminal: Terminal, conflicts: Sequence[Readable], taken: Mapping[int, TerminalTransaction]) -> None:
    """Keep transactions beside the first of their sequence (in `taken`), and open a discrepancy for each sequence."""
    if not conflicts:
        return
    rows = [
        SequenceConflict(
            terminal=terminal,
            series=terminal.series,
            sequence=each.sequence,
            content=each.content,
            posted=schemas.posted(each.transaction),
        )
        for each in conflicts
    ]
    bulk.insert(rows, ignore_conflicts=True)
    raised = {
        row.key: row for row in discrepancy.open_discrepancies([_discrepancy(terminal, row, taken) for row in rows])
    }
    for each in conflicts:
        found = raised.get(_key(terminal, each.sequence))
        row = taken[each.sequence]
        each.result.payment, each.result.refund = row.payment_id, row.refund_id
        each.result.discrepancies = [{"id": found.id, "kind": found.kind}] if found is not None else []


def _discrepancy(terminal: Terminal, row: SequenceConflict, taken: Mapping[int, TerminalTransaction]) -> Discrepancy:
    return Discrepancy(
        merchant=terminal.merchant,
        kind=DiscrepancyKind.SEQUENCE_CONFLICT,
        key=_key(terminal, row.sequence),
        amount=row.posted["amount"],
        currency=row.posted["currency"],
        channel_id=terminal.channel_id,
        terminal_id=terminal.id,
        payment_id=taken[row.sequence].payment_id,
        sequences=[[row.sequence, row.sequence]],
        **message_columns(
            gettext_noop("{terminal} used sequence {sequence} for two transactions; the first one is booked."),
            terminal=terminal.label,
            sequence=row.sequence,
        ),
    )


def _key(terminal: Terminal, sequence: int) -> str:
    return f"sequence_conflict:{terminal.id}/{terminal.series}/{sequence}"
