"""The simulator as Onetill sees it: `Provider` over HTTP."""

import base64
import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import ClassVar, Final

import httpx
import msgspec
from django.conf import settings

from payments.core.money import Money
from payments.providers import signatures
from payments.providers.base import (
    Capabilities,
    Card,
    Credential,
    Credentials,
    Outcome,
    Payer,
    ProviderReport,
    ProviderRequest,
    Result,
    WebhookEvent,
)
from payments.providers.simulator.methods import CURRENCIES, MANUAL_CAPTURE_METHODS, METHODS, REDIRECT_METHODS
from payments.providers.simulator.wire import CardFacts, Event, Happening, OperationRequest, Refusal

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 5.0
NOT_PROCESSED: Final = "simulator-processed"  # a 5xx that says `false` here moved nothing, for certain


class Simulator:
    """The test provider. Every method but cash and vouchers, every capability, and every way to fail."""

    code: ClassVar[str] = "simulator"
    capabilities: ClassVar[Capabilities] = Capabilities(
        methods=METHODS,
        refund_methods=METHODS,
        redirect_methods=REDIRECT_METHODS,
        manual_capture_methods=MANUAL_CAPTURE_METHODS,
        multiple_captures=True,
        currencies=CURRENCIES,
        refund_arrival=timedelta(days=1),
        test_only=True,
        credentials=(Credential("webhook_secret", required=False),),
    )

    def execute(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Post the operation. Only an answer is final: a connection that broke after it was made leaves `UNKNOWN`."""
        body = msgspec.json.encode(_request(call, credentials))
        headers = {"idempotency-key": call.operation_id, "content-type": "application/json"}
        try:
            response = _client().post("/v1/operations", content=body, headers=headers)
        # Before a connection stood nothing can have arrived.
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Result(Outcome.NOT_SENT, code="not_reachable", detail=_error_text(error))
        except httpx.TransportError as error:
            return Result(Outcome.UNKNOWN, code="no_answer", detail=_error_text(error))
        return _answer(response)

    def fetch(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Ask by our id. Only the simulator's own word that it knows no such operation is `NOT_SENT`."""
        try:
            response = _client().get(f"/v1/operations/{call.operation_id}", params={"account": credentials.account_id})
        except httpx.TransportError as error:
            return Result(Outcome.UNKNOWN, code="no_answer", detail=_error_text(error))
        if response.status_code == httpx.codes.OK:
            return _answer(response)
        refusal = _refusal(response)
        if response.status_code == httpx.codes.NOT_FOUND and refusal.code == "operation_unknown":
            return Result(Outcome.NOT_SENT, code=refusal.code, detail=refusal.detail)
        return Result(Outcome.UNKNOWN, code=refusal.code, detail=refusal.detail)

    def try_connection(self, credentials: Credentials) -> Result:
        """Ask for an operation that it cannot know: any answer of its own will do."""
        try:
            response = _client().get("/v1/operations/none", params={"account": credentials.account_id})
        except httpx.TransportError as error:
            return Result(Outcome.UNKNOWN, code="no_answer", detail=_error_text(error))
        refusal = _refusal(response)
        known = refusal.code == "operation_unknown"
        return Result(Outcome.SUCCEEDED if known else Outcome.UNKNOWN, code=None if known else refusal.code)

    def verify(self, body: bytes, headers: Mapping[str, str], credentials: Credentials) -> str:
        """Check the Standard Webhooks signature with the account's `webhook_secret`."""
        return signatures.verify(body, headers, credentials.secrets.get("webhook_secret"))

    def parse_webhook(self, body: bytes) -> WebhookEvent:
        """Read one event; one we do not understand reports nothing."""
        try:
            event = msgspec.json.decode(body, type=Event)
        except msgspec.DecodeError:
            return WebhookEvent(event_id="", reports=(), type="unreadable")
        return WebhookEvent(event_id=event.id, reports=(_report(event.data),), type=event.type)

    def limits(self, method: str, currency: str) -> tuple[int | None, int | None]:
        """None: it takes any amount."""
        return None, None

    def new_secrets(self) -> Mapping[str, str]:
        """Return a webhook secret; the simulator gets it with every operation."""
        return {"webhook_secret": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()}


def _request(call: ProviderRequest, credentials: Credentials) -> OperationRequest:
    return OperationRequest(
        id=call.operation_id,
        account=credentials.account_id,
        webhook_secret=credentials.secrets.get("webhook_secret"),
        webhook_url=call.webhook_url,
        verb=call.verb,
        amount=call.amount.amount,
        currency=call.amount.currency,
        payment_id=call.payment_id,
        method=call.method,
        payment_reference=call.payment_reference,
        final=call.final,
        return_url=call.return_url,
        order_reference=call.order_reference,
        description=call.description,
        reason=call.reason,
        customer_email=call.customer_email,
        metadata=dict(call.metadata),
    )


def _answer(response: httpx.Response) -> Result:
    status = response.status_code
    if status == httpx.codes.OK:
        try:
            return _result(msgspec.json.decode(response.content, type=Happening))
        except msgspec.DecodeError as error:
            return Result(Outcome.UNKNOWN, code="unreadable_answer", detail=str(error))
    refusal = _refusal(response)
    return Result(_outcome(status, response.headers), code=refusal.code, detail=refusal.detail)


def _outcome(status: int, headers: Mapping[str, str]) -> Outcome:
    # Refused before anything ran, says the provider itself.
    if status == httpx.codes.TOO_MANY_REQUESTS or headers.get(NOT_PROCESSED) == "false":
        return Outcome.NOT_SENT
    if status == httpx.codes.CONFLICT:  # the id stands for another operation, of which this says nothing
        return Outcome.UNKNOWN
    return Outcome.DECLINED if httpx.codes.is_client_error(status) else Outcome.UNKNOWN


def _refusal(response: httpx.Response) -> Refusal:
    try:
        return msgspec.json.decode(response.content, type=Refusal)
    except msgspec.DecodeError:
        return Refusal(f"http_{response.status_code}", f"The simulator answered {response.status_code}.")


def _result(happening: Happening) -> Result:
    return Result(
        happening.outcome,
        reference=happening.reference,
        payment_reference=happening.payment_reference,
        amount=Money(happening.amount, happening.currency),
        code=happening.code,
        detail=happening.detail,
        redirect_url=happening.redirect_url,
        method=happening.method,
        card=_card(happening.card),
        payer=Payer(iban=happening.payer.iban, name=happening.payer.name) if happening.payer else None,
        occurred_at=happening.occurred_at,
    )


def _card(facts: CardFacts | None) -> Card | None:
    return Card(brand=facts.brand, last4=facts.last4, fingerprint=facts.fingerprint) if facts else None


def _report(happening: Happening) -> ProviderReport:
    return ProviderReport(
        fact=happening.fact,
        result=_result(happening),
        operation_id=happening.operation_id,
        original_reference=happening.original_reference,
        reason=happening.reason,
        stage=happening.stage,
        respond_by=happening.respond_by,
        final=happening.final,
    )


def _error_text(error: httpx.TransportError) -> str:
    return f"{type(error).__name__}: {error}"


def _client() -> httpx.Client:
    return _pooled_client(settings.SIMULATOR_URL, os.getpid())


@lru_cache(maxsize=8)
def _pooled_client(url: str, pid: int) -> httpx.Client:
    """One pool of connections a process: a forked worker must not share its parent's sockets."""
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    # `trust_env`: a proxy of the environment would be asked for a server of the installation's own.
    return httpx.Client(base_url=url, timeout=timeout, trust_env=False)
