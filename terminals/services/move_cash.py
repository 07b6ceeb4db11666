"""A device reports what was done at its channel's till, once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from payments.core.money import Money
from payments.models import TillMovement
from payments.services import till
from terminals.models import Terminal
from terminals.services.authenticate import Key, Signed
from terminals.services.idempotency import Carried, Rendered, answer_once
from terminals.sql import DeviceRequestState

Render = Callable[[TillMovement], Rendered]


@dataclass(frozen=True, slots=True, kw_only=True)
class CashReport:
    """One movement as a device reports it."""

    kind: str
    amount: Money
    occurred_at: datetime
    operator: str
    reason: str


def report_cash(signed: Signed, key: Key, report: CashReport, *, render: Render) -> Rendered:
    """Record what was done at the till of the device's channel; it has happened, and is booked whatever the books hold.

    Raises:
        Unauthenticated: the key is no longer the terminal's.
        Invalid: `bank_account_required`, `no_till`.
        Conflict: `signature_reused`.
    """

    def carry_out(terminal: Terminal, state: DeviceRequestState) -> Carried:
        terminal.channel.merchant = terminal.merchant
        row = till.move(
            till.TillReport(
                channel=terminal.channel,
                kind=report.kind,
                amount=report.amount,
                occurred_at=report.occurred_at,
                operator=report.operator,
                reason=report.reason,
                terminal_id=terminal.id,
            ),
            actor=terminal.id,
        )
        return Carried(render(row))

    return answer_once(signed, key, carry_out)
