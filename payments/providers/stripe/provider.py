"""Stripe as Onetill sees it: five verbs, each under the operation's own idempotency key.

How `fetch` finds an object whose reference we never got, by reading only: a refund among its payment's refunds, a
charge among what was made since its operation (whose id tells the moment). Both lists are consistent at once, unlike
Stripe's search, and they do not forget as idempotency keys do after a day. What they do not hold was never made, and is
repeated, where it still makes sense, under the same key: should the first request arrive late, Stripe makes one of
the two. Only a charge with a token waits before it is called not sent, as that may still be running unseen.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

import stripe

from payments.core.ids import made_at
from payments.providers.base import (
    Capabilities,
    Credential,
    Credentials,
    Outcome,
    ProviderRequest,
    Result,
    Verb,
    WebhookEvent,
    held_back,
)
from payments.providers.payload import Payload
from payments.providers.stripe import requests, translate, webhooks
from payments.providers.stripe.amounts import NotRepresentable, limit_passed, limits, to_stripe
from payments.providers.stripe.client import client, unusable_key

_CHARGES: Final = frozenset({Verb.SALE, Verb.AUTHORIZE})
_PAGE: Final = "cs_"  # how the ids of Checkout Sessions begin
_STILL_RUNNING: Final = timedelta(minutes=2)  # longer than Stripe works on any request
_SLACK: Final = timedelta(minutes=1)  # between its clock and ours
_MOST: Final = 100  # Stripe's largest page


class Stripe:
    """Cards, iDEAL, Bancontact, SEPA direct debit and Klarna; which of them, the Stripe account's settings decide."""

    code: ClassVar[str] = "stripe"
    capabilities: ClassVar[Capabilities] = Capabilities(
        methods=translate.METHODS,
        refund_methods=translate.METHODS,
        redirect_methods=translate.METHODS,
        manual_capture_methods=frozenset({"card", "klarna"}),
        partial_capture=True,
        multiple_captures=False,  # Stripe allows it on some contracts only
        refund_arrival=timedelta(days=7),
        refund_window=timedelta(days=180),
        credentials=(
            Credential("secret_key"),
            Credential("webhook_secret"),
            Credential("stripe_account", required=False, secret=False),
            Credential("payment_method_configuration", required=False, secret=False),
        ),
        currencies={method: frozenset({"EUR"}) for method in ("ideal", "bancontact", "sepa_debit")},
        drives_terminals=True,
    )

    def execute(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Send the request once, without retries; a request that is certain to be refused is not sent."""
        unsent = held_back(unusable_key(credentials), _refused(call))
        if unsent is not None:
            return unsent
        try:
            return _ask(call, credentials, client(credentials).v1)
        except stripe.StripeError as error:
            refused = translate.from_exception(error)
            # A capture is named after its PaymentIntent, and so may another be than the one that is refused.
            return refused if call.verb in _CHARGES else replace(refused, reference=None, payment_reference=None)

    def fetch(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Find what became of a call, by reading."""
        unusable = unusable_key(credentials)
        if unusable is not None:
            # Not NOT_SENT as in `execute`: the key may have been right when the call was made.
            return Result(Outcome.UNKNOWN, code=unusable[0], detail=unusable[1])
        try:
            return _found(call, client(credentials).v1)
        except stripe.StripeError as error:
            result = translate.from_exception(error)
            return Result(Outcome.UNKNOWN, code=result.code, detail=result.detail)

    def try_connection(self, credentials: Credentials) -> Result:
        """Read one payment, which every key for taking payments may do."""
        unusable = unusable_key(credentials)
        if unusable is not None:
            return Result(Outcome.DECLINED, code=unusable[0], detail=unusable[1])
        try:
            client(credentials).v1.payment_intents.list({"limit": 1})
        except stripe.StripeError as error:
            result = translate.from_exception(error)
            # A key that is refused will be refused again: nothing but an answer that did not come is in doubt.
            refused = isinstance(error, stripe.AuthenticationError | stripe.PermissionError)
            return replace(result, outcome=Outcome.DECLINED if refused else Outcome.UNKNOWN)
        return Result(Outcome.SUCCEEDED)

    def verify(self, body: bytes, headers: Mapping[str, str], credentials: Credentials) -> str:
        """Check `Stripe-Signature` with the account's `webhook_secret`."""
        return webhooks.verify(body, headers, credentials.secrets.get("webhook_secret"))

    def parse_webhook(self, body: bytes) -> WebhookEvent:
        """Read one event; one that is not about payments reports nothing."""
        return webhooks.parse_webhook(body)

    def limits(self, method: str, currency: str) -> tuple[int | None, int | None]:
        """What Stripe publishes for all methods of a currency."""
        return limits(currency)

    def new_secrets(self) -> Mapping[str, str]:
        """Stripe makes its own: `secret_key` and `webhook_secret` come with the account's credentials."""
        return {}


def _refused(call: ProviderRequest) -> tuple[str, str] | None:
    """Code and detail of what Stripe would refuse for certain."""
    try:
        to_stripe(call.amount)
    except NotRepresentable as error:
        return "amount_not_representable", str(error)
    if call.verb in _CHARGES:
        if call.return_url is None and requests.token_of(call) is None:
            return "return_url_required", "Give return_url: the customer comes back there from Stripe's page."
        return limit_passed(call.amount)
    if call.payment_reference is None:
        return "payment_unknown_to_provider", f"Stripe never named this payment, so there is nothing to {call.verb}."
    return None


def _ask(call: ProviderRequest, credentials: Credentials, api: Any) -> Result:
    options = {"idempotency_key": call.operation_id}
    name = call.payment_reference or ""
    match call.verb:
        case Verb.CAPTURE:
            return translate.captured(
                api.payment_intents.capture(name, requests.capture(call), options).to_dict(), call
            )
        case Verb.CANCEL if name.startswith(_PAGE):
            return translate.canceled(api.checkout.sessions.expire(name, {}, options).to_dict())
        case Verb.CANCEL:
            return translate.canceled(api.payment_intents.cancel(name, {}, options).to_dict())
        case Verb.REFUND:
            return translate.refunded(api.refunds.create(requests.refund(call), options).to_dict())
    if requests.is_direct(call):
        return translate.charged(
            api.payment_intents.create(requests.payment_intent(call), options).to_dict(), call.verb
        )
    created = api.checkout.sessions.create(requests.checkout_session(call, credentials), options)
    return translate.session(created.to_dict(), call.verb)


def _found(call: ProviderRequest, api: Any) -> Result:
    if call.verb is Verb.REFUND:
        return _found_refund(call, api)
    if call.verb in _CHARGES:
        return _found_charge(call, api)
    if call.payment_reference is None:
        return Result(Outcome.NOT_SENT, code="not_received", detail="Stripe never named this payment.")
    if call.payment_reference.startswith(_PAGE):
        return translate.canceled(api.checkout.sessions.retrieve(call.payment_reference).to_dict())
    intent = api.payment_intents.retrieve(call.payment_reference).to_dict()
    return translate.captured(intent, call) if call.verb is Verb.CAPTURE else translate.canceled(intent)


def _found_refund(call: ProviderRequest, api: Any) -> Result:
    # By name is certain; the list is for calls whose answer never came.
    if call.operation_reference is not None:
        return translate.refunded(api.refunds.retrieve(call.operation_reference).to_dict())
    if call.payment_reference is not None:
        listed = api.refunds.list({"payment_intent": call.payment_reference, "limit": _MOST})
        ours = _first(listed, call)
        if ours is not None:
            return translate.refunded(ours)
    return Result(Outcome.NOT_SENT, code="not_received", detail="Stripe has no such refund.")


def _found_charge(call: ProviderRequest, api: Any) -> Result:
    name = call.operation_reference or call.payment_reference
    if name is None:
        listed = api.payment_intents if requests.is_direct(call) else api.checkout.sessions
        # Our ids tell when they were made: what Stripe made for this one is no older.
        since = int((made_at(call.operation_id) - _SLACK).timestamp())
        ours = _first(listed.list({"created": {"gte": since}, "limit": _MOST}), call)
        if ours is None:
            return _missing(call)
        name = str(ours["id"])
    if name.startswith(_PAGE):
        expanded = {"expand": ["payment_intent.latest_charge"]}
        return translate.session(api.checkout.sessions.retrieve(name, expanded).to_dict(), call.verb)
    return translate.charged(api.payment_intents.retrieve(name, {"expand": ["latest_charge"]}).to_dict(), call.verb)


def _missing(call: ProviderRequest) -> Result:
    age = datetime.now(UTC) - made_at(call.operation_id)
    if requests.token_of(call) is not None and age < _STILL_RUNNING:
        return Result(Outcome.UNKNOWN, code="not_found_yet", detail="Stripe may still be working on it.")
    return Result(Outcome.NOT_SENT, code="not_received", detail="Stripe never received this payment.")


def _first(listed: Any, call: ProviderRequest) -> Payload | None:
    """The one of a list, over all its pages, that this operation made."""
    every = (row.to_dict() for row in listed.auto_paging_iter())
    return next((row for row in every if translate.is_ours(row, call)), None)
