"""How objects look to the outside: the same plain dictionaries in API answers and in events."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from payments.models import (
    Channel,
    Chargeback,
    Discrepancy,
    Operation,
    Order,
    Payment,
    PaymentLink,
    ProviderAccount,
    Refund,
    RefundPart,
    TillMovement,
    Voucher,
)
from payments.models.refund import Route

Shape = dict[str, Any]

# What `refund` reads, for prefetch_related: no query per row.
CHARGEBACK_PREFETCH: Final = ("steps",)
REFUND_PREFETCH: Final = ("parts", "parts__operations", "parts__voucher")
REFUND_RELATED: Final = ("merchant", "order", "channel")
PAYMENT_RELATED: Final = ("merchant", "order", "channel", "provider_account")


def instant(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with `Z`, microseconds kept."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def day(value: date | None) -> str | None:
    """`YYYY-MM-DD`."""
    return None if value is None else value.isoformat()


def channel_ref(channel: Channel) -> Shape:
    """A channel wherever it appears in another object."""
    return {"id": channel.id, "name": channel.name, "kind": channel.kind}


def channel(row: Channel) -> Shape:
    """One channel; needs its merchant."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "name": row.name,
        "kind": row.kind,
        "orders": row.namespace,
        "numeric_references": row.numeric_references,
        "return_schemes": row.return_schemes,
        "refund_routes": row.refund_routes or Route.values,
        "active": row.active,
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def order_ref(order: Order) -> Shape:
    """An order wherever it appears in another object."""
    return {"id": order.id, "reference": order.reference, "namespace": order.namespace}


def account_ref(account: ProviderAccount) -> Shape:
    """A provider account wherever it appears in another object."""
    return {"id": account.id, "provider": account.provider, "name": account.name}


def payment(row: Payment) -> Shape:
    """One payment; needs `PAYMENT_RELATED`."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "order": order_ref(row.order),
        "channel": channel_ref(row.channel),
        "status": row.status,
        "amount": row.amount,
        "currency": row.currency,
        "tip": row.tip,
        "cashback": row.cashback,
        "amount_authorized": row.amount_authorized,
        "amount_capturable": row.amount_capturable,
        "amount_captured": row.amount_captured,
        "amount_refunded": row.amount_refunded,
        "amount_charged_back": row.amount_charged_back,
        "amount_refundable": min(row.refundable, row.order.refundable),
        "method": row.method,
        "card": _card(row),
        "provider_account": account_ref(row.provider_account),
        "terminal": {"id": row.terminal_id, "label": row.terminal_label} if row.terminal_id else None,
        "next_action": _next_action(row),
        "expires_at": instant(row.open_until),
        "failure": _failure(row),
        "origin": row.origin,
        "occurred_at": instant(row.occurred_at),
        "business_day": day(row.business_day),
        "receipt_number": row.receipt_number,
        "provisional": row.provisional,
        "change": row.change,
        "customer": row.customer_id,
        "description": row.description or None,
        "vat": row.vat,
        "metadata": row.metadata,
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def _card(row: Payment) -> Shape | None:
    card = {"brand": row.card_brand, "last4": row.card_last4, "fingerprint": row.card_fingerprint}
    card |= {"entry_mode": row.entry_mode, "verification": row.verification}
    return card if any(card.values()) else None


def _next_action(row: Payment) -> Shape | None:
    waits = row.status == "requires_action" and row.redirect_url
    return {"type": "redirect", "url": row.redirect_url} if waits else None


def _failure(row: Payment) -> Shape | None:
    return {"code": row.failure_code, "detail": row.failure_detail} if row.failure_code else None


def payment_link(row: PaymentLink) -> Shape:
    """One payment link as `queries.links` reads it."""
    url = f"{settings.PUBLIC_URL}/pay/{row.token}"
    return {
        "id": row.id,
        "object": row.OBJECT,
        "url": url,
        "qr_svg_url": f"{url}/qr.svg",
        "qr_png_url": f"{url}/qr.png",
        "status": row.status,
        "amount": row.amount,
        "amount_min": row.amount_min,
        "amount_max": row.amount_max,
        "currency": row.currency,
        "description": row.description,
        "order": order_ref(row.order) if row.order is not None else None,
        "channel": channel_ref(row.channel),
        "methods": row.methods or None,
        "reusable": row.reusable,
        "expires_at": instant(row.expires_at),
        "payments": sorted(use.payment_id for use in row.uses.all()),
        "customer": row.customer_id,
        "metadata": row.metadata,
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def operation(row: Operation) -> Shape:
    """One operation; needs its merchant."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "verb": row.verb,
        "amount": row.amount,
        "currency": row.currency,
        "outcome": row.outcome,
        "failure": {"code": row.failure_code, "detail": row.failure_detail} if row.failure_code else None,
        "provider_reference": row.provider_reference,
        "actor": row.actor,
        "created_at": instant(row.created_at),
        "completed_at": instant(row.completed_at),
        "test_mode": row.merchant.test_mode,
    }


def refund(row: Refund, *, approvals: Iterable[Shape] = (), voucher_code: str | None = None) -> Shape:
    """One refund; needs `REFUND_RELATED` and `REFUND_PREFETCH`. A voucher's code is given once, to the requester."""
    parts = list(row.parts.all())
    return {
        "id": row.id,
        "object": row.OBJECT,
        "order": order_ref(row.order),
        "amount": row.amount,
        "amount_succeeded": sum(part.amount for part in parts if part.status == "succeeded"),
        "currency": row.currency,
        "status": row.status,
        "reason": row.reason,
        "channel": channel_ref(row.channel),
        "requested_by": row.requested_by,
        "operator": row.operator or None,
        "approvals": list(approvals),
        "parts": [refund_part(part, voucher_code=voucher_code) for part in parts],
        "exchange_for": row.exchange_for_id,
        "metadata": row.metadata,
        "occurred_at": instant(row.occurred_at),
        "business_day": day(row.business_day),
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def refund_part(row: RefundPart, *, voucher_code: str | None = None) -> Shape:
    """One part of a refund; needs its operations and voucher."""
    operations = sorted(row.operations.all(), key=lambda operation: operation.id)
    latest = operations[-1] if operations else None
    return {
        "id": row.id,
        "payment": row.payment_id,
        "operation": latest.id if latest else None,
        "amount": row.amount,
        "route": row.route,
        "status": row.status,
        "expected_at": instant(row.expected_at),
        "provider_reference": latest.provider_reference if latest else None,
        "failure": _refund_failure(latest) if row.status == "failed" else None,
        "voucher": _voucher_of(row, voucher_code),
        "reasons": row.reasons,
        "card_match": row.card_match,
    }


def _refund_failure(operation: Operation | None) -> Shape | None:
    """Why the money did not arrive, as the provider or the bank says it."""
    if operation is None or not operation.failure_code:
        return None
    return {"code": operation.failure_code, "detail": operation.failure_detail}


def _voucher_of(row: RefundPart, code: str | None) -> Shape | None:
    """A code belongs to the voucher made for the refund, not to one that was paid with and filled again."""
    if row.voucher is None:
        return None
    return {"id": row.voucher.id, "code": code if row.route == "voucher" else None}


def chargeback(row: Chargeback) -> Shape:
    """One chargeback with its history; needs its merchant and order, and `CHARGEBACK_PREFETCH`."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "order": order_ref(row.order),
        "payment": row.payment_id,
        "amount": row.amount,
        "currency": row.currency,
        "stage": row.stage,
        "status": row.status,
        "reason": row.reason or None,
        "provider_reference": row.provider_reference,
        "opened_at": instant(row.opened_at),
        "closed_at": instant(row.closed_at),
        "respond_by": instant(row.respond_by),
        "history": [
            {"stage": step.stage, "status": step.status, "at": instant(step.at), "respond_by": instant(step.respond_by)}
            for step in sorted(row.steps.all(), key=lambda step: (step.at, step.pk))
        ],
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def voucher(row: Voucher, *, code: str | None = None) -> Shape:
    """One voucher; its code only where it is shown for the one time."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "code": code,
        "amount": row.amount,
        "balance": row.balance,
        "currency": row.currency,
        "status": row.status_at(timezone.now()),
        "purpose": row.purpose,
        "expires_at": instant(row.expires_at),
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def discrepancy(row: Discrepancy) -> Shape:
    """One discrepancy; needs its merchant."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "kind": row.kind,
        "status": row.status,
        "amount": row.amount,
        "currency": row.currency,
        "terminal": row.terminal_id,
        "payment": row.payment_id,
        "sequences": row.sequences,
        "settlement_file": row.settlement_file_id,
        "detail": row.detail,
        "assigned_to": str(row.assigned_to_id) if row.assigned_to_id else None,
        "created_at": instant(row.created_at),
        "resolved_at": instant(row.resolved_at),
        "test_mode": row.merchant.test_mode,
    }


def till_movement(row: TillMovement) -> Shape:
    """What was done at a till, and what the books expected; `counted` and `difference` are those of a count."""
    counts = row.kind == TillMovement.Kind.COUNT
    return {
        "id": row.id,
        "object": row.OBJECT,
        "till": row.till_id,
        "channel": channel_ref(row.till.channel),
        "kind": row.kind,
        "amount": row.amount,
        "currency": row.currency,
        "expected": row.expected,
        "counted": row.amount if counts else None,
        "difference": row.difference,
        "operator": row.operator,
        "reason": row.reason or None,
        "terminal": row.terminal_id,
        "occurred_at": instant(row.occurred_at),
        "business_day": day(row.business_day),
        "test_mode": row.merchant.test_mode,
    }
