"""What the OpenAPI document says of webhooks: when each type of event is sent, and what it is about."""

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]

_PAYMENT, _REFUND, _CHARGEBACK, _DISCREPANCY = "Payment", "Refund", "Chargeback", "Discrepancy"
# When each is sent, and the schema of `data.object` where the document has one.
WEBHOOKS: Final[Mapping[str, tuple[str, str | None]]] = {
    "payment.authorized": ("The amount is reserved, and waits to be captured.", _PAYMENT),
    "payment.captured": (
        "Money was taken: once for each capture. It is one tender; the order is paid when `GET /v1/orders/{id}` has "
        "`due: 0`.",
        _PAYMENT,
    ),
    "payment.declined": ("The payment was refused; `failure` says why.", _PAYMENT),
    "payment.canceled": ("The payment was called off before anything was taken.", _PAYMENT),
    "payment.expired": ("The customer did not finish in time.", _PAYMENT),
    "payment.reversed": ("What was taken is undone, as if it had never been.", _PAYMENT),
    "payment.unknown": ("The provider has not told the outcome; charge nothing else until it has.", _PAYMENT),
    "payment.capture_declined": ("The provider refused a capture; what was authorized may still be.", _PAYMENT),
    "payment.cancel_declined": ("The provider refused a cancellation.", _PAYMENT),
    "refund.requires_approval": ("A refund waits for a second person.", _REFUND),
    "refund.pending": ("A refund is on its way.", _REFUND),
    "refund.succeeded": (
        "Every part that was not canceled has been given back; `amount_succeeded` says how much, and only that counts.",
        _REFUND,
    ),
    "refund.failed": ("A part could not be given back, or came back; the customer is owed it again.", _REFUND),
    "refund.canceled": ("A refund was given up before anything left.", _REFUND),
    "chargeback.inquiry": ("A cardholder's bank asks about a payment; no money has moved.", _CHARGEBACK),
    "chargeback.opened": ("A cardholder's bank took money back.", _CHARGEBACK),
    "chargeback.won": ("A dispute was decided for the shop.", _CHARGEBACK),
    "chargeback.lost": ("A dispute was decided for the cardholder.", _CHARGEBACK),
    "terminal.transaction_recorded": ("A terminal's transaction was recorded: its payment or refund.", None),
    "terminal.shift_closed": ("A terminal's shift was closed and compared with the books.", None),
    "settlement.imported": ("A settlement file was imported.", None),
    "payout.announced": ("A provider announced a payout.", None),
    "payout.received": ("A payout arrived at the bank.", None),
    "discrepancy.opened": ("Books, terminals, providers or the bank disagree.", _DISCREPANCY),
    "discrepancy.resolved": ("A disagreement was resolved.", _DISCREPANCY),
    "day.closed": ("A channel's day was closed.", None),
    "day.reopened": ("A channel's day was reopened.", None),
    "month.closed": ("A month was closed.", None),
    "month.reopened": ("A month was reopened.", None),
}
_HEADERS: Final = {
    "webhook-id": "Id of the event, the same at every attempt: act once for each.",
    "webhook-timestamp": "Seconds since 1970 of this attempt; refuse what is older than five minutes.",
    "webhook-signature": "`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`; several with spaces between.",
}


def webhooks() -> dict[str, Schema]:
    """Each event as the request that an endpoint gets."""
    return {name: {"post": _operation(name, *documented)} for name, documented in WEBHOOKS.items()}


def _operation(name: str, description: str, about: str | None) -> Schema:
    return {
        "operationId": f"on_{name.replace('.', '_')}",
        "summary": name,
        "description": description,
        "tags": ["Webhooks out"],
        "security": [],
        "parameters": [
            {"name": header, "in": "header", "required": True, "schema": {"type": "string"}, "description": text}
            for header, text in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _body(name, about)}}},
        "responses": {
            "2XX": {"description": "Taken. Any other answer, or none within ten seconds, is tried again for 3 days."},
            "410": {"description": "The endpoint is gone: it is disabled."},
        },
    }


def _body(name: str, about: str | None) -> Schema:
    members: Schema = {"type": {"const": name}}
    if about is not None:
        members["data"] = {"type": "object", "properties": {"object": {"$ref": f"#/components/schemas/{about}"}}}
    return {"allOf": [{"$ref": "#/components/schemas/Event"}, {"type": "object", "properties": members}]}
