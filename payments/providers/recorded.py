"""Providers that move nothing: a till's cash and vouchers, and PIN acquirers that only report."""

from collections.abc import Mapping
from typing import ClassVar

from payments.providers.base import (
    RECORDED_METHODS,
    Capabilities,
    Credentials,
    Outcome,
    ProviderRequest,
    Result,
    SignatureInvalid,
    Verb,
    WebhookEvent,
)


class _Bookkeeping:
    """What is the same for a provider that never calls us."""

    def verify(self, body: bytes, headers: Mapping[str, str], credentials: Credentials) -> str:
        """Refuse: nobody has a secret to sign with."""
        raise SignatureInvalid("This provider sends no webhooks.")

    def parse_webhook(self, body: bytes) -> WebhookEvent:
        """Report nothing, as nothing was ever let in."""
        return WebhookEvent(event_id="", reports=())

    def limits(self, method: str, currency: str) -> tuple[int | None, int | None]:
        """Any amount can be written down."""
        return None, None

    def try_connection(self, credentials: Credentials) -> Result:
        """There is nobody to connect to."""
        return Result(Outcome.SUCCEEDED)

    def new_secrets(self) -> Mapping[str, str]:
        """There is nothing to keep secret."""
        return {}


class Recorded(_Bookkeeping):
    """Cash and vouchers: the money is in the drawer or in our own books, so that writing it down is all there is."""

    code: ClassVar[str] = "recorded"
    capabilities: ClassVar[Capabilities] = Capabilities(
        methods=RECORDED_METHODS,
        refund_methods=RECORDED_METHODS,
        partial_capture=False,
        instant=True,
    )

    def execute(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Say yes to a sale or a refund; the same operation always gets the same answer."""
        if call.verb not in (Verb.SALE, Verb.REFUND):
            return _not_supported(f"Cash and vouchers are taken and given back at once; they have no {call.verb}.")
        return Result(
            Outcome.SUCCEEDED,
            # Our own books are the provider here, and know an operation by its id.
            reference=call.operation_id,
            payment_reference=call.payment_reference or call.payment_id,
            amount=call.amount,
            method=call.method,
        )

    def fetch(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Recording it cannot fail, so the operation has succeeded."""
        return self.execute(call, credentials)


class External(_Bookkeeping):
    """A PIN acquirer whose terminals move the money and report afterwards: it takes no requests."""

    code: ClassVar[str] = "external"
    capabilities: ClassVar[Capabilities] = Capabilities(
        methods=frozenset({"card", "external"}),
        refund_methods=frozenset(),  # giving back needs the customer's card at a terminal
        partial_capture=False,
        reports_only=True,
        other_credentials=True,  # any acquirer may be meant
    )

    def execute(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Refuse, and say where the money can be moved instead."""
        return _not_supported(
            f"This acquirer only reports what its terminals did: it takes no request for {call.verb}. "
            "Use the terminal, or a provider account that takes payments online."
        )

    def fetch(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Return `NOT_SENT`: no request ever reaches this acquirer."""
        return Result(Outcome.NOT_SENT, code="not_supported", detail="This acquirer takes no requests.")


def _not_supported(detail: str) -> Result:
    return Result(Outcome.DECLINED, code="not_supported", detail=detail)
