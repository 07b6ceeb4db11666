"""What a device reports, and what became of it: the input and output of `register`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from payments.core.errors import Fault
from payments.models import Channel, Discrepancy, ProviderAccount
from payments.people.models import Customer
from payments.providers.base import Card


class Kind(StrEnum):
    """What a card was used for. A reversal takes a sale (or a refund) back before it is settled."""

    SALE = "sale"
    REFUND = "refund"
    REVERSAL = "reversal"


class DeviceOutcome(StrEnum):
    """What the device says came of it."""

    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A terminal as payments needs to know it: where it stands, and whose money it takes.

    `accounts` holds the provider account of each card brand (in lower case) that has a contract of its own.
    """

    terminal_id: str
    label: str
    series: int
    channel: Channel
    account: ProviderAccount
    accounts: Mapping[str, ProviderAccount] = field(default_factory=dict)

    def account_for(self, brand: str | None) -> ProviderAccount:
        return self.accounts.get((brand or "").casefold(), self.account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What a refund or reversal is about; the most exact name counts: sequence, payment, receipt, order, reference."""

    sequence: int | None = None
    payment_id: str | None = None
    receipt: str | None = None
    order_id: str | None = None
    order_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquirerReferences:
    """The numbers by which an acquirer knows a transaction."""

    rrn: str | None = None
    stan: str | None = None
    authorization_code: str | None = None
    acquirer_tid: str | None = None
    acquirer_mid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTransaction:
    """One transaction, read and masked. `posted` is all of it, kept as evidence.

    `evidence_id` names the evidence of a transaction that was kept waiting before; `patient` says whether it may go
    on waiting for an original that nobody has brought.
    """

    sequence: int
    kind: Kind
    outcome: DeviceOutcome
    amount: int
    currency: str
    occurred_at: datetime
    posted: Mapping[str, Any]
    tip: int = 0
    cashback: int = 0
    offline: bool = False
    order_id: str | None = None
    order_reference: str | None = None
    namespace: str | None = None  # of order_reference; None is the channel's own
    original: Original | None = None
    resolves: int | None = None
    operation_id: str | None = None  # of ours, which the terminal was asked to carry out by this
    operator: str = ""
    reason: str = ""
    decline_code: str = ""
    customer: Customer | None = None
    customer_missing: bool = False  # it names a customer by an id that does not exist
    card: Card = field(default_factory=Card)
    references: AcquirerReferences = field(default_factory=AcquirerReferences)
    evidence_id: str | None = None
    patient: bool = True

    @property
    def about(self) -> Original:
        """What it is about; a refund that only names an order is about that order."""
        return self.original or Original(order_id=self.order_id, order_reference=self.order_reference)


class RegistrationStatus(StrEnum):
    """What became of a transaction."""

    RECORDED = "recorded"
    WAITING = "waiting"  # kept as evidence, and to be brought again when what it refers to may have come
    REFUSED = "refused"  # it names an object that does not exist; nothing was written


@dataclass(slots=True, kw_only=True)
class Registered:
    """What `register` made of one transaction."""

    sequence: int
    status: RegistrationStatus = RegistrationStatus.RECORDED
    payment_id: str | None = None
    refund_id: str | None = None
    waits_for: int | None = None  # the sequence it waits for; none where it waits for an order's sale
    fault: Fault | None = None
    discrepancies: list[Discrepancy] = field(default_factory=list)
