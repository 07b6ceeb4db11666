"""Adyen as Onetill sees it: five verbs, each under the operation's own idempotency key, and no way to ask.

Adyen has no address that tells what became of a request. What has no answer waits for its webhook, which names our
operation; meanwhile `payments.services.recover` sends the same request under the same key again, which Adyen answers as
it did before, or carries out where the first never arrived. That is right for what is owed, and for a charge only as
long as its customer waits; what is older stays unknown until the settlement tells (`Capabilities.can_fetch`).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Final

from payments.providers.adyen import requests, translate, webhooks
from payments.providers.adyen.amounts import NotRepresentable
from payments.providers.adyen.client import API_KEY, LIVE_PREFIX, MERCHANT_ACCOUNT, NoSuccess, checkout, unusable
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

_CHARGES: Final = frozenset({Verb.SALE, Verb.AUTHORIZE})
_CHANGES: Final = {Verb.CAPTURE: "captures", Verb.REFUND: "refunds", Verb.CANCEL: "cancels"}
_METHODS: Final = frozenset(requests.METHODS)
# Adyen keeps its keys for seven days at least; what is sent at the last moment still finds its own.
KEYS_LIVE: Final = timedelta(days=6)
_WAITS: Final = "Adyen cannot be asked about this; its webhook or its settlement will tell."


class Adyen:
    """Cards, iDEAL, Bancontact and PayPal on Adyen's page, and cards that it keeps."""

    code: ClassVar[str] = "adyen"
    capabilities: ClassVar[Capabilities] = Capabilities(
        methods=_METHODS,
        refund_methods=_METHODS,
        redirect_methods=_METHODS,
        manual_capture_methods=frozenset({"card", "paypal"}),
        partial_capture=True,
        multiple_captures=False,  # what a first capture leaves is released, unless Adyen was asked to keep it
        refund_arrival=timedelta(days=3),
        refund_window=timedelta(days=365),
        credentials=(
            Credential(API_KEY),
            Credential(MERCHANT_ACCOUNT, secret=False),
            Credential("hmac_key", required=False),
            Credential(LIVE_PREFIX, required=False, secret=False),
            Credential("report_api_key", required=False),
            # Of terminals whose messages are encrypted, as all of those in a store's own network are.
            Credential("terminal_key_identifier", required=False, secret=False),
            Credential("terminal_key_version", required=False, secret=False),
            Credential("terminal_key_passphrase", required=False),
        ),
        currencies={method: frozenset({"EUR"}) for method in ("ideal", "bancontact")},
        keys_live=KEYS_LIVE,
        can_fetch=False,
        drives_terminals=True,
    )

    def execute(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Send the request once; a request that is certain to be refused is not sent."""
        unsent = held_back(unusable(credentials), _refused(call))
        if unsent is not None:
            return unsent
        try:
            return _carry_out(call, credentials)
        except NotRepresentable as error:
            return Result(Outcome.DECLINED, code="amount_not_representable", detail=str(error))
        except NoSuccess as error:
            return translate.from_no_success(error)

    def fetch(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Adyen has no answer to this question; see the module."""
        return Result(Outcome.UNKNOWN, code="cannot_be_asked", detail=_WAITS)

    def try_connection(self, credentials: Credentials) -> Result:
        """Ask which methods the merchant account takes, which moves nothing."""
        missing = unusable(credentials)
        if missing is not None:
            return Result(Outcome.DECLINED, code=missing[0], detail=missing[1])
        try:
            checkout(credentials, "paymentMethods", {})
        except NoSuccess as error:
            result = translate.from_no_success(error)
            outcome = Outcome.DECLINED if error.status is not None and error.status < 429 else Outcome.UNKNOWN
            return Result(outcome, code=result.code, detail=result.detail)
        return Result(Outcome.SUCCEEDED)

    def verify(self, body: bytes, headers: Mapping[str, str], credentials: Credentials) -> str:
        """Check the signature of each item with the account's `hmac_key`."""
        return webhooks.verify(body, credentials.secrets.get("hmac_key"), credentials.secrets.get(MERCHANT_ACCOUNT))

    def parse_webhook(self, body: bytes) -> WebhookEvent:
        """Read one webhook, of one or several items."""
        return webhooks.parse_webhook(body)

    def limits(self, method: str, currency: str) -> tuple[int | None, int | None]:
        """Adyen's bounds depend on the account: it refuses what lies outside of them."""
        return None, None

    def new_secrets(self) -> Mapping[str, str]:
        """Adyen makes its own: they come with the account's credentials."""
        return {}


def _refused(call: ProviderRequest) -> tuple[str, str] | None:
    """Code and detail of what Adyen would refuse for certain."""
    if call.verb not in _CHARGES:
        if call.payment_reference is None:
            detail = (
                f"Adyen never named this payment, so there is nothing to {call.verb}. An unpaid page ends by itself."
            )
            return "payment_unknown_to_provider", detail
        return None
    if call.method is not None and call.method not in _METHODS:
        return "not_supported", f"Adyen takes no {call.method} here."
    if requests.is_stored(call):
        if requests.SHOPPER not in call.metadata:
            return "shopper_required", f"Give metadata.{requests.SHOPPER}: the shopper whose card this is at Adyen."
        return None
    if call.return_url is None:
        return "return_url_required", "Give return_url: the customer comes back there from Adyen's page."
    return None


def _carry_out(call: ProviderRequest, credentials: Credentials) -> Result:
    key = call.operation_id
    if call.verb not in _CHARGES:
        body = requests.cancellation(call) if call.verb is Verb.CANCEL else requests.change(call)
        path = f"payments/{call.payment_reference}/{_CHANGES[call.verb]}"
        return translate.received(checkout(credentials, path, body, key=key), call.verb)
    if requests.is_stored(call):
        return translate.charged(checkout(credentials, "payments", requests.stored_card(call), key=key))
    return translate.on_page(checkout(credentials, "sessions", requests.session(call), key=key))
