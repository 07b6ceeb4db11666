"""What we ask of Stripe: the parameters of each request, the same for the same call however often it is made.

Three ways to charge. A token from Stripe's element in the customer's browser (`stripe_token` in the payment's
metadata: a payment method or a confirmation token, never card data) is confirmed at once. iDEAL needs nothing but a
redirect, and is confirmed at once too. Everything else goes through a Checkout Session, Stripe's own page.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from payments.core.ids import made_at
from payments.providers.base import Credentials, ProviderRequest, Verb
from payments.providers.stripe.amounts import to_stripe

TOKEN: Final = "stripe_token"  # noqa: S105 (the name of a field)
OPERATION: Final = "onetill_operation"
CAPTURE: Final = "onetill_capture"
VERB: Final = "onetill_verb"
PAGE: Final = "onetill_page"
ACTION: Final = "onetill_action"  # of a reader's payment, which its action tells of
DIRECT_METHODS: Final = frozenset({"ideal"})
PAGE_LIVES: Final = timedelta(hours=1)  # as long as a payment waits for its customer; Stripe takes 30 minutes to 24 h

_LONGEST_SUFFIX: Final = 10  # beside a prefix of at most 10 characters and "* ", 22 together
_LONGEST_DESCRIPTOR: Final = 22
_LONGEST_TEXT: Final = 500
_REFUSED_ON_STATEMENTS: Final = re.compile(r"[^A-Za-z0-9 .,/&+_-]")

Params = dict[str, Any]


def token_of(call: ProviderRequest) -> str | None:
    """What Stripe's element in the browser gave, if it was used."""
    return call.metadata.get(TOKEN) or None


def is_direct(call: ProviderRequest) -> bool:
    """Whether a charge is a PaymentIntent confirmed at once, and no page of Stripe's."""
    return token_of(call) is not None or call.method in DIRECT_METHODS


def payment_intent(call: ProviderRequest) -> Params:
    """A PaymentIntent, confirmed at once."""
    method = call.method or "card"
    token = token_of(call)
    params: Params = {
        "amount": to_stripe(call.amount),
        "currency": call.amount.currency.lower(),
        "allowed_payment_method_types": [method],
        "capture_method": _capture_method(call),
        "confirm": True,
        "metadata": _metadata(call),
        "expand": ["latest_charge"],
        **_texts(call),
    }
    if token is None:
        params["payment_method_data"] = {"type": method}
    else:
        params["confirmation_token" if token.startswith("ctoken_") else "payment_method"] = token
    # Without an address to come back to nobody can be sent to their bank.
    return params | ({"return_url": call.return_url} if call.return_url else {"error_on_requires_action": True})


def checkout_session(call: ProviderRequest, credentials: Credentials) -> Params:
    """Stripe's own page, for one method or for those the account is configured for."""
    name = call.description or call.order_reference or call.payment_id
    price = {"currency": call.amount.currency.lower(), "unit_amount": to_stripe(call.amount)}
    params: Params = {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": {**price, "product_data": {"name": name[:_LONGEST_TEXT]}}}],
        "success_url": call.return_url,
        "cancel_url": call.return_url,
        "client_reference_id": call.payment_id,
        "metadata": _metadata(call),
        "payment_intent_data": {
            "capture_method": _capture_method(call),
            "metadata": {**_metadata(call), PAGE: "checkout"},
            **_texts(call),
        },
        "adaptive_pricing": {"enabled": False},  # the books know one currency an order
        "expires_at": int((made_at(call.operation_id) + PAGE_LIVES).timestamp()),
        "expand": ["payment_intent.latest_charge"],
    }
    configuration = credentials.secrets.get("payment_method_configuration")
    if call.method is not None:
        params["allowed_payment_method_types"] = [call.method]
    elif configuration:
        params["payment_method_configuration"] = configuration
    return params | ({"customer_email": call.customer_email} if call.customer_email else {})


def capture(call: ProviderRequest) -> Params:
    """A capture that names its operation, for the webhook and for a later `fetch`."""
    return {"amount_to_capture": to_stripe(call.amount), "metadata": {CAPTURE: call.operation_id}}


def refund(call: ProviderRequest) -> Params:
    """Part or all of a payment given back."""
    metadata = {OPERATION: call.operation_id, "onetill_payment": call.payment_id}
    return {
        "payment_intent": call.payment_reference,
        "amount": to_stripe(call.amount),
        "reason": "requested_by_customer",
        "metadata": metadata,
    }


def statement_text(reference: str, longest: int) -> str | None:
    """An order's reference as a bank may print it: plain characters, and a letter among them."""
    plain = " ".join(_REFUSED_ON_STATEMENTS.sub(" ", reference).split())
    if not any(character.isalpha() for character in plain):
        plain = f"Order {plain}" if len(plain) <= longest - 6 else f"Nr {plain[3 - longest :]}"
    plain = plain[:longest].strip()
    return plain if len(plain) >= 5 and any(character.isalpha() for character in plain) else None


def _texts(call: ProviderRequest) -> Params:
    """What the dashboard and the customer's bank show. A card's statement takes a suffix, the others the whole."""
    texts: Params = {"description": call.description[:_LONGEST_TEXT]} if call.description else {}
    if call.order_reference is None or call.method is None:
        return texts
    field, longest = ("statement_descriptor", _LONGEST_DESCRIPTOR)
    if call.method == "card":
        field, longest = ("statement_descriptor_suffix", _LONGEST_SUFFIX)
    shown = statement_text(call.order_reference, longest)
    return texts | ({field: shown} if shown else {})


def _capture_method(call: ProviderRequest) -> str:
    return "manual" if call.verb is Verb.AUTHORIZE else "automatic"


def _metadata(call: ProviderRequest) -> Mapping[str, str]:
    named = {OPERATION: call.operation_id, VERB: call.verb.value, "onetill_payment": call.payment_id}
    return named | ({"onetill_order": call.order_reference[:_LONGEST_TEXT]} if call.order_reference else {})
