"""What we ask of Mollie: the body of each request, the same for the same call however often it is made."""

from typing import Any, Final

from payments.providers.base import ProviderRequest, Verb
from payments.providers.mollie.amounts import to_mollie

OPERATION: Final = "onetill_operation"
VERB: Final = "onetill_verb"
ACTION: Final = "onetill_action"  # of a terminal's payment, which its action tells of
# Ours, and what Mollie calls it.
METHODS: Final = {
    "card": "creditcard",
    "ideal": "ideal",
    "bancontact": "bancontact",
    "paypal": "paypal",
    "bank_transfer": "banktransfer",
}
_LONGEST_TEXT: Final = 255

Body = dict[str, Any]


def payment(call: ProviderRequest) -> Body:
    """A payment on Mollie's page; without a method the customer chooses there."""
    # What is only held needs a method that can be held; of ours that is the card.
    method = call.method or ("card" if call.verb is Verb.AUTHORIZE else None)
    body: Body = {
        "amount": to_mollie(call.amount),
        "description": description(call),
        "redirectUrl": call.return_url,
        "metadata": _metadata(call),
    }
    if method is not None:
        body["method"] = METHODS[method]
    if call.verb is Verb.AUTHORIZE:
        body["captureMode"] = "manual"
    if call.webhook_url:
        body["webhookUrl"] = call.webhook_url
    return body | ({"billingAddress": {"email": call.customer_email}} if call.customer_email else {})


def change(call: ProviderRequest) -> Body:
    """A capture or a refund: part or all of a payment."""
    return {"amount": to_mollie(call.amount), "description": description(call), "metadata": _metadata(call)}


def description(call: ProviderRequest) -> str:
    """What the customer reads on the page and, with some methods, on the bank statement."""
    return (call.description or call.order_reference or call.payment_id)[:_LONGEST_TEXT]


def _metadata(call: ProviderRequest) -> dict[str, str]:
    named = {OPERATION: call.operation_id, VERB: call.verb.value, "onetill_payment": call.payment_id}
    return named | ({"onetill_order": call.order_reference[:_LONGEST_TEXT]} if call.order_reference else {})
