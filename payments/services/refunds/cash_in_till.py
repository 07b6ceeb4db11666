"""What the till holds from which a refund is to be given in cash, so that no more is given out than is in it."""

from collections.abc import Iterable, Sequence
from typing import Final

from payments.core.errors import Conflict
from payments.models import Channel, Payment, Refund, RefundPart
from payments.models.refund import Route
from payments.queries.tills import is_kept, till_balance
from payments.services.refunds.plan import RefundRequest
from payments.services.refunds.routes import AUTO, goes_in_cash, too_low
from payments.services.till import lock_till

_MAY_BE_CASH: Final = (AUTO, Route.ORIGINAL, Route.CASH)


def cash_in_till(request: RefundRequest, payments: Sequence[Payment], *, lock: bool = False) -> int | None:
    """What the channel's till holds in the order's currency; None where cash is no matter, or nobody keeps the till.

    With `lock`, and where cash may leave it, nothing else is taken out of it until the transaction ends.
    """
    if request.route not in _MAY_BE_CASH or request.exchange_for is not None:
        return None
    may_leave = request.route == Route.CASH or any(goes_in_cash(row) and row.refundable for row in payments)
    return _held(request.channel, request.order.currency, lock=lock and may_leave)


def require_cash(refund: Refund, parts: Iterable[RefundPart]) -> None:
    """Refuse to hand out cash that the till does not hold any more, now that a second person agrees.

    Raises:
        Conflict: `till_too_low`, with `balance`; the refund goes on waiting.
    """
    needed = sum(part.amount + part.rounding for part in parts if part.route == Route.CASH)
    held = _held(refund.channel, refund.currency, lock=True) if needed else None
    if held is not None and needed > held:
        detail = too_low(refund.channel, held, needed, refund.currency)
        raise Conflict("till_too_low", detail, balance=held, currency=refund.currency)


def _held(channel: Channel, currency: str, *, lock: bool) -> int | None:
    if channel.kind == Channel.Kind.ONLINE:
        return None
    if lock:
        lock_till(channel)
    return till_balance(channel, currency) if is_kept(channel, currency) else None
