"""What we ask of Pay.nl: the body of each request, the same for the same operation however often it is made."""

import re
from datetime import timedelta
from typing import Any, Final

from payments.core.ids import made_at
from payments.providers.base import Credentials, ProviderRequest
from payments.providers.paynl.amounts import to_paynl

# Pay.nl's own numbers of methods. With none the customer chooses on its page.
METHOD_IDS: Final = {"ideal": 10, "bancontact": 436, "card": 706}
PIN: Final = 1927
RETOURPIN: Final = 2351
# What nobody paid by then is harmless: so an order whose creation was never answered resolves itself.
ORDER_LIVES: Final = timedelta(minutes=15)
_LONGEST_DESCRIPTION: Final = 32
_LONGEST_REFERENCE: Final = 64
_NOT_IN_REFERENCES: Final = re.compile(r"[^A-Za-z0-9]")

Body = dict[str, Any]


def order(call: ProviderRequest, credentials: Credentials) -> Body:
    """An order, to be paid on Pay.nl's page or at the customer's bank.

    Its `reference` takes letters and digits only, so that our own name for it goes with the statistics; they come back.
    """
    body: Body = {
        "serviceId": credentials.secrets["service_id"],
        "amount": to_paynl(call.amount),
        "reference": reference(call.order_reference or call.payment_id),
        "description": (call.description or call.order_reference or call.payment_id)[:_LONGEST_DESCRIPTION],
        "expire": (made_at(call.operation_id) + ORDER_LIVES).isoformat(timespec="seconds"),
        "integration": {"test": credentials.test_mode is True},
        "stats": {"extra1": call.operation_id, "extra2": call.verb.value},
    }
    if call.method is not None:
        body["paymentMethod"] = {"id": METHOD_IDS[call.method]}
    return (
        body
        | ({"returnUrl": call.return_url} if call.return_url else {})
        | ({"exchangeUrl": call.webhook_url} if call.webhook_url else {})
    )


def refund(call: ProviderRequest) -> Body:
    """A part of a payment given back. The amount always: Pay.nl gives back all of it where none stands there."""
    description = (call.reason or call.order_reference or call.operation_id)[:_LONGEST_DESCRIPTION]
    body: Body = {"amount": to_paynl(call.amount), "description": description}
    return body | ({"exchangeUrl": call.webhook_url} if call.webhook_url else {})


def reference(text: str) -> str:
    """A name as Pay.nl takes it."""
    return _NOT_IN_REFERENCES.sub("", text)[:_LONGEST_REFERENCE] or "0"
