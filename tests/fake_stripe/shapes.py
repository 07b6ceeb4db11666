"""The shapes of Stripe's objects: its own fixtures where they are at hand, with what the fake knows written over."""

import json
from copy import deepcopy
from functools import cache
from typing import Any, Final

from tests.fake_stripe.schemas import SHARED

FIXTURES: Final = SHARED / "psp" / "stripe" / "fixtures3.json"
# What Stripe's fixtures fill with placeholders and is empty in life.
EMPTY: Final[dict[str, dict[str, Any]]] = {
    "payment_intent": {
        **dict.fromkeys(("last_payment_error", "next_action", "processing", "transfer_data", "shipping", "source")),
        "automatic_payment_methods": None,
    },
    "charge": dict.fromkeys(("shipping", "transfer_data", "source", "outcome")),
    "checkout.session": dict.fromkeys(
        (
            *("after_expiration", "shipping_cost", "currency_conversion", "collected_information", "custom_text"),
            *("shipping_address_collection", "invoice_creation", "payment_method_configuration_details"),
        )
    ),
    "refund": {"metadata": {}, "failure_reason": None},
    "dispute": {"metadata": {}},
    "balance_transaction": {},
    "payout": {},
    "event": {},
    "terminal.reader": {},
}


@cache
def fixtures() -> dict[str, Any]:
    """Stripe's fixtures; none where they are not at hand."""
    resources: dict[str, Any] = json.loads(FIXTURES.read_text())["resources"] if FIXTURES.exists() else {}
    return resources


def shaped(kind: str, **known: Any) -> dict[str, Any]:
    """An object of this kind."""
    return {**deepcopy(fixtures().get(kind, {})), **EMPTY[kind], "object": kind, "livemode": False, **known}
