"""From the wire's words to those of payments."""

from collections.abc import Mapping
from typing import Any

from payments.models import ProviderAccount
from payments.providers.base import Card
from payments.services.card_present.types import (
    AcquirerReferences,
    Device,
    DeviceOutcome,
    DeviceTransaction,
    Kind,
    Original,
)
from terminals import schemas
from terminals.models import Terminal


def device(terminal: Terminal, *, series: int) -> Device:
    """A terminal as payments needs to know it; brands with a contract of their own cost one query."""
    contracts = [ids for ids in terminal.merchant_ids if ids["provider_account"]]
    named = {ids["brand"].casefold(): ids["provider_account"] for ids in contracts}
    accounts = ProviderAccount.objects.in_bulk(list(named.values())) if named else {}
    channel = terminal.channel
    channel.merchant = terminal.merchant
    return Device(
        terminal_id=terminal.id,
        label=terminal.label,
        series=series,
        channel=channel,
        account=terminal.provider_account,
        accounts={brand: accounts[account_id] for brand, account_id in named.items() if account_id in accounts},
    )


def transaction(
    told: schemas.Transaction, posted: Mapping[str, Any], *, evidence_id: str | None = None, patient: bool = True
) -> DeviceTransaction:
    """A transaction as payments registers it."""
    return DeviceTransaction(
        sequence=told.sequence,
        kind=Kind(told.type),
        ending=DeviceOutcome(told.outcome),
        amount=told.amount,
        currency=told.currency,
        occurred_at=told.occurred_at,
        posted=posted,
        tip=told.tip or 0,
        cashback=told.cashback or 0,
        offline=bool(told.offline),
        order_id=told.order,
        order_reference=told.order_reference,
        namespace=told.namespace,
        original=_original(told),
        resolves=told.resolves,
        operator=told.operator or "",
        reason=told.reason or "",
        decline_code=told.decline_code or "",
        card=_card(told),
        proof=AcquirerReferences(
            rrn=told.rrn,
            stan=told.stan,
            authorization_code=told.authorization_code,
            acquirer_tid=told.acquirer_tid,
            acquirer_mid=told.acquirer_mid,
        ),
        evidence_id=evidence_id,
        patient=patient,
    )


def _original(told: schemas.Transaction) -> Original | None:
    if told.original is None:
        return None
    return Original(
        sequence=told.original.sequence,
        payment_id=told.original.payment,
        order_id=told.original.order,
        order_reference=told.original.order_reference,
        receipt=told.original.receipt,
    )


def _card(told: schemas.Transaction) -> Card:
    card = told.card
    return Card(
        brand=card.brand if card else None,
        last4=card.last4 if card else None,
        fingerprint=card.fingerprint if card else None,
        par=card.par if card else None,
        entry_mode=told.entry_mode,
        verification=told.verification,
    )
