"""How terminals look to the outside."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from payments.payloads import channel_ref, day, instant, order_ref
from terminals import codes
from terminals.exposure import Exposure
from terminals.models import Shift, Terminal, TerminalAction

Shape = dict[str, Any]


def terminal(row: Terminal, *, pairing_code: str | None = None) -> Shape:
    """One terminal; needs its merchant and channel. The pairing code is shown once, where it was made."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "channel": channel_ref(row.channel),
        "label": row.label,
        "status": row.status,
        "provider_account": row.provider_account_id,
        "serial_number": row.serial_number,
        "model": row.model,
        "driver": row.driver,
        "device_id": row.device_id,
        "merchant_ids": row.merchant_ids,
        "pairing_code": pairing_code,
        "pairing_qr_svg": codes.qr_svg(pairing_code) if pairing_code is not None else None,
        "pairing_expires_at": instant(row.pairing_expires_at),
        "paired_at": instant(row.paired_at),
        "series": row.series,
        "last_sequence": row.last_sequence,
        "missing_sequences": row.missing,
        "last_seen_at": instant(row.last_seen_at),
        "firmware": row.firmware,
        "queue_depth": row.queue_depth,
        "battery": row.battery,
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def shift(row: Shift) -> Shape:
    """One shift; needs its terminal, channel and merchant. `totals` are the device's, `differences` hold the books'."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "shift": row.label,
        "status": row.status,
        "terminal": {"id": row.terminal_id, "label": row.terminal.label},
        "channel": channel_ref(row.channel),
        "series": row.series,
        "opened_at": instant(row.opened_at),
        "closed_at": instant(row.closed_at),
        "business_day": day(row.business_day),
        "first_sequence": row.first_sequence,
        "last_sequence": row.last_sequence,
        "totals": row.totals,
        "differences": row.differences,
        "overlaps": row.overlaps,
        "test_mode": row.merchant.test_mode,
    }


def action(row: TerminalAction) -> Shape:
    """One action as back offices see it; needs `queries.ACTION_RELATED`."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "type": row.type,
        "status": row.status,
        "terminal": {"id": row.terminal_id, "label": row.terminal.label},
        "channel": channel_ref(row.channel),
        "target": row.target_id,
        "amount": row.amount,
        "currency": row.currency,
        "order": order_ref(row.order) if row.order is not None else None,
        "payment": row.payment_id,
        "refund": row.refund_part.refund_id if row.refund_part is not None else None,
        "operator": row.operator or None,
        "reason": row.reason or None,
        "requested_by": row.requested_by,
        "expires_at": instant(row.expires_at),
        "presented_at": instant(row.presented_at),
        "completed_at": instant(row.completed_at),
        "history": [{name: line[name] for name in ("at", "status", "cause", "actor")} for line in row.history],
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def action_of_device(row: TerminalAction) -> Shape:
    """One action as its device needs it: who and why is no matter of the device's."""
    shape = action(row)
    return {name: shape[name] for name in _OF_DEVICE}


_OF_DEVICE = (
    *("id", "object", "type", "status", "target", "amount", "currency", "order", "payment", "refund", "operator"),
    *("expires_at", "created_at", "test_mode"),
)


def exposure(found: Iterable[Exposure], *, now: datetime) -> Shape:
    """What stands provisional at a moment, by store, terminal and currency; ages in days, the last without end."""
    return {
        "object": "exposure",
        "at": instant(now),
        "data": [
            {
                "channel": {"id": one.channel_id, "name": one.channel_name, "kind": one.channel_kind},
                "terminal": {"id": one.terminal_id, "label": one.terminal_label} if one.terminal_id else None,
                "currency": one.currency,
                "count": one.count,
                "amount": one.amount,
                "oldest_at": instant(one.oldest_at),
                "ages": [asdict(aged) for aged in one.ages],
            }
            for one in found
        ],
    }
