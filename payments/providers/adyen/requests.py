"""What we ask of Adyen: the body of each request, the same for the same call however often it is made.

`reference` is our operation's id, of a payment as of a capture or refund: it comes back in webhooks, and stands in the
settlement detail report. Metadata would come back only where the merchant account is set so.
"""

from datetime import timedelta
from typing import Any, Final

from payments.core.ids import made_at
from payments.providers.adyen.amounts import to_adyen
from payments.providers.base import ProviderRequest, Verb

# Ours, and what Adyen's page calls it.
METHODS: Final = {"card": "scheme", "ideal": "ideal", "bancontact": "bcmc", "paypal": "paypal"}
STORED_CARD: Final = "adyen_stored_payment_method"  # of a payment's metadata: Adyen's token of a card
SHOPPER: Final = "adyen_shopper"  # beside it: the shopperReference that the token belongs to
PAGE_LIVES: Final = timedelta(hours=1)

Body = dict[str, Any]


def is_stored(call: ProviderRequest) -> bool:
    """Whether a payment is made with a card that Adyen keeps, without its customer."""
    return STORED_CARD in call.metadata


def session(call: ProviderRequest) -> Body:
    """A payment on Adyen's page; without a method the customer chooses there."""
    # What is only held needs a method that can be held.
    method = call.method or ("card" if call.verb is Verb.AUTHORIZE else None)
    body = _charge(call) | {
        "mode": "hosted",
        "returnUrl": call.return_url,
        # From the id and not from the clock: the same call is the same body.
        "expiresAt": (made_at(call.operation_id) + PAGE_LIVES).isoformat(timespec="seconds"),
    }
    if method is not None:
        body["allowedPaymentMethods"] = [METHODS[method]]
    return body


def stored_card(call: ProviderRequest) -> Body:
    """A payment with a card that Adyen keeps."""
    return _charge(call) | {
        "paymentMethod": {"type": "scheme", "storedPaymentMethodId": call.metadata[STORED_CARD]},
        "shopperReference": call.metadata[SHOPPER],
        "shopperInteraction": "ContAuth",
        "recurringProcessingModel": "CardOnFile",
        "returnUrl": call.return_url or "https://localhost/",  # required by Adyen, and led to by nothing
    }


def change(call: ProviderRequest) -> Body:
    """A capture or a refund: part or all of a payment."""
    return {"amount": to_adyen(call.amount), "reference": call.operation_id}


def cancellation(call: ProviderRequest) -> Body:
    """What is held is given up, all of it."""
    return {"reference": call.operation_id}


def _charge(call: ProviderRequest) -> Body:
    body: Body = {"amount": to_adyen(call.amount), "reference": call.operation_id}
    # Whatever the merchant account's own setting is: what is taken at once, and what is only held.
    if call.verb is Verb.AUTHORIZE:
        body["additionalData"] = {"manualCapture": "true"}
    else:
        body["captureDelayHours"] = 0
    if call.order_reference:
        body["merchantOrderReference"] = call.order_reference[:1000]
    return body | ({"shopperEmail": call.customer_email} if call.customer_email else {})
