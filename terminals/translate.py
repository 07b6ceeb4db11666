"""From the wire's words to those of payments."""

from collections.abc import Mapping, Sequence
from typing import Any

from payments.models import ProviderAccount
from payments.people.models import Customer
from payments.people.services import customers
from payments.providers.base import Card
from payments.services.card_present.types import (
    AcquirerReferences,
    Device,
    DeviceTransaction,
    Original,
)
from terminals import schemas
from terminals.models import Terminal


def device_of(terminal: Terminal, *, series: int) -> Device:
    """A terminal as payments needs to know it; brands with a contract of their own cost one query."""
    contracts = [ids for ids in terminal.merchant_ids if ids["provider_account"]]
    named = {ids["brand"].casefold(): ids["provider_account"] for ids in contracts}
    accounts = ProviderAccount.objects.in_bulk(list(named.values())) if named else {}
    channel = terminal.channel
    # One copy of the merchant, and no query for the one behind the channel.
    channel.merchant = terminal.merchant
    return Device(
        terminal_id=terminal.id,
        label=terminal.label,
        series=series,
        channel=channel,
        account=terminal.provider_account,
        # A contract that was deleted since falls back to the terminal's own account.
        accounts={brand: accounts[account_id] for brand, account_id in named.items() if account_id in accounts},
    )


def device_transaction(
    transaction: schemas.Transaction,
    posted: Mapping[str, Any],
    *,
    operation_id: str | None = None,
    customer: Customer | None = None,
    evidence_id: str | None = None,
    patient: bool = True,
) -> DeviceTransaction:
    """A transaction as payments registers it; `operation_id` is what its action was to carry out."""
    return DeviceTransaction(
        sequence=transaction.sequence,
        kind=transaction.type,
        outcome=transaction.outcome,
        amount=transaction.amount,
        currency=transaction.currency,
        occurred_at=transaction.occurred_at,
        posted=posted,
        tip=transaction.tip or 0,
        cashback=transaction.cashback or 0,
        offline=bool(transaction.offline),
        order_id=transaction.order,
        order_reference=transaction.order_reference,
        namespace=transaction.namespace,
        original=_original(transaction),
        resolves=transaction.resolves,
        operation_id=operation_id,
        operator=transaction.operator or "",
        reason=transaction.reason or "",
        decline_code=transaction.decline_code or "",
        customer=customer,
        customer_missing=customer is None and (transaction.customer or "").startswith("cus_"),
        card=_card(transaction),
        references=AcquirerReferences(
            rrn=transaction.rrn,
            stan=transaction.stan,
            authorization_code=transaction.authorization_code,
            acquirer_tid=transaction.acquirer_tid,
            acquirer_mid=transaction.acquirer_mid,
        ),
        evidence_id=evidence_id,
        patient=patient,
    )


def _original(transaction: schemas.Transaction) -> Original | None:
    if transaction.original is None:
        return None
    return Original(
        sequence=transaction.original.sequence,
        payment_id=transaction.original.payment,
        order_id=transaction.original.order,
        order_reference=transaction.original.order_reference,
        receipt=transaction.original.receipt,
    )


def _card(transaction: schemas.Transaction) -> Card:
    card = transaction.card
    return Card(
        brand=card.brand if card else None,
        last4=card.last4 if card else None,
        fingerprint=card.fingerprint if card else None,
        par=card.par if card else None,
        entry_mode=transaction.entry_mode,
        verification=transaction.verification,
    )


def customer_key(transaction: schemas.Transaction) -> str:
    """The name under which `customers_of` has the customer of a transaction; empty where it names none."""
    return customers.counter_key(customer=transaction.customer, loyalty_id=transaction.loyalty_id)


def customers_of(merchant_id: str, transactions: Sequence[schemas.Transaction]) -> Mapping[str, Customer]:
    """The customers that transactions name; most name none, which costs nothing."""
    keys = set(filter(None, map(customer_key, transactions)))
    return customers.at_counter(merchant_id=merchant_id, keys=keys) if keys else {}
