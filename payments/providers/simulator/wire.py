"""What travels between Onetill and the simulator: the same shapes for asking, answers and webhooks."""

from datetime import datetime

import msgspec

from payments.providers.base import Outcome, ReportType, Stage, Verb


class OperationRequest(msgspec.Struct, kw_only=True):
    """One requested operation, at POST /v1/operations; `id` is the idempotency key."""

    id: str
    account: str
    verb: Verb
    amount: int
    currency: str
    payment_id: str
    webhook_secret: str | None = None
    webhook_url: str | None = None
    method: str | None = None
    payment_reference: str | None = None
    final: bool = True
    return_url: str | None = None
    order_reference: str | None = None
    description: str | None = None
    reason: str | None = None
    customer_email: str | None = None
    metadata: dict[str, str] = {}


class CardFacts(msgspec.Struct, kw_only=True):
    """The simulator's data of a card."""

    brand: str
    last4: str
    fingerprint: str


class PayerFacts(msgspec.Struct, kw_only=True):
    """The bank account that the customer paid from."""

    iban: str
    name: str


class Happening(msgspec.Struct, kw_only=True):
    """What became of an operation, or what happened without one: answer and webhook alike."""

    fact: ReportType
    outcome: Outcome
    reference: str
    amount: int
    currency: str
    account: str
    operation_id: str | None = None
    payment_reference: str | None = None
    original_reference: str | None = None
    method: str | None = None
    card: CardFacts | None = None
    payer: PayerFacts | None = None
    code: str | None = None
    detail: str | None = None
    reason: str | None = None
    stage: Stage | None = None
    respond_by: datetime | None = None
    final: bool = True  # of a capture at the dashboard
    redirect_url: str | None = None
    occurred_at: datetime | None = None


class Event(msgspec.Struct, kw_only=True):
    """A webhook's body."""

    id: str
    type: str
    created_at: datetime
    data: Happening


class Refusal(msgspec.Struct):
    """What the server answers to a request that it cannot or will not take."""

    code: str
    detail: str
