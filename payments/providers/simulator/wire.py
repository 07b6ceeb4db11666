"""What travels between Onetill and the simulator: the same shapes for asking, answers and webhooks."""

from datetime import datetime
from typing import Any

import msgspec

from config.sandbox.psp.sql import Row
from payments.providers.base import Fact, Outcome, Stage, Verb
from payments.providers.simulator.names import moment


class OperationRequest(msgspec.Struct, kw_only=True):
    """One verb asked, at POST /v1/operations; `id` is the idempotency key."""

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
    """What the simulator tells of a card."""

    brand: str
    last4: str
    fingerprint: str


class Happening(msgspec.Struct, kw_only=True):
    """What became of an operation, or what happened without one: answer and webhook alike."""

    fact: Fact
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
    code: str | None = None
    detail: str | None = None
    reason: str | None = None
    stage: Stage | None = None
    respond_by: datetime | None = None
    final: bool = True  # of a capture at the dashboard
    redirect_url: str | None = None
    occurred_at: datetime | None = None


def happened(fact: Fact, row: Row, name: str, amount: int, **more: Any) -> Happening:
    """What happened to an operation's payment without anyone asking."""
    return Happening(
        fact=fact,
        outcome=Outcome.SUCCEEDED,
        reference=name,
        amount=amount,
        currency=row["currency"],
        account=row["account"],
        payment_reference=row["payment_reference"],
        original_reference=row["reference"],
        method=row["method"],
        occurred_at=moment(),
        **more,
    )


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
