"""The terminal that is meant where a refund names none: the only one of its channel that can be driven."""

from dataclasses import replace

from payments import object_index
from payments.models.refund import Route
from payments.services.refunds.plan import RefundRequest
from payments.services.refunds.routes import AUTO

DRIVEN = "trm_driven"  # under which the floor above enters the terminals that fetch what they are to do


def with_only_terminal(request: RefundRequest) -> RefundRequest:
    """Name the channel's only driven terminal; of several, only the counter knows where the customer stands."""
    if request.terminal_id is not None or request.route not in (AUTO, Route.TERMINAL):
        return request
    channel = request.channel
    driven = object_index.choices(DRIVEN, merchant_id=channel.merchant_id, channel_id=channel.id)
    return replace(request, terminal_id=driven[0][0]) if len(driven) == 1 else request
