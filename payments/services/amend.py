"""Change what a merchant, a channel or a provider account is like; each change stands in the audit log."""

import json
from collections.abc import Mapping
from typing import Any, Final

from django.db import models, transaction

from payments.errors import Conflict
from payments.models import Channel, Merchant, Order, ProviderAccount
from payments.people.services import audit_log
from payments.services import onboard

MERCHANT: Final = frozenset(
    {
        "name",
        "iban",
        "cash_rounding",
        "second_person_above",
        "address",
        "registration_number",
        "vat_number",
        "mail_receipts",
        "refund_fallback",
    }
)
CHANNEL: Final = frozenset(
    {"name", "address", "active", "kind", "namespace", "numeric_references", "return_schemes", "refund_routes"}
)
# What an order of a channel was made under cannot change beneath it.
SETTLED_BY_ORDERS: Final = frozenset({"kind", "namespace"})
ACCOUNT: Final = frozenset({"name", "external_id", "bank_iban", "fee_rates", "active", "default"})


def amend_merchant(merchant: Merchant, *, changes: Mapping[str, Any], actor: str) -> None:
    """Rename a merchant, or set its bank account, its limits, and what its receipts say and where they go.

    Raises:
        ValidationFailed: a name, IBAN or refund fallback that is none.
        Forbidden: `permission_missing`; so do the two below.
    """
    onboard.require_manager(actor, merchant.id, "merchant.changed")
    _amend(merchant, MERCHANT, changes, merchant_id=merchant.id, actor=actor)


def amend_channel(channel: Channel, *, changes: Mapping[str, Any], actor: str) -> None:
    """Change what a channel is called, how it numbers its orders and gives money back, or close it to new payments.

    Raises:
        ValidationFailed: a name, kind, namespace, scheme or refund route that is none.
        Conflict: `channel_in_use`, where its kind or namespace would change beneath its orders.
    """
    onboard.require_manager(actor, channel.merchant_id, "channel.changed")
    with transaction.atomic():
        channel.refresh_from_db(from_queryset=Channel.objects.select_for_update().select_related("merchant"))
        moved = [name for name in SETTLED_BY_ORDERS & set(changes) if getattr(channel, name) != changes[name]]
        if moved and Order.objects.filter(channel_id=channel.id).exists():
            detail = "This channel has orders already: its kind and its namespace stay. Open another channel."
            raise Conflict("channel_in_use", detail)
        _amend(channel, CHANNEL, changes, merchant_id=channel.merchant_id, actor=actor)


def amend_provider_account(
    account: ProviderAccount, *, changes: Mapping[str, Any], credentials: Mapping[str, str], actor: str
) -> None:
    """Change a contract. `credentials` are set beside those that stand; they are written, never shown nor logged.

    Raises:
        ValidationFailed: a name, IBAN or fee rate that is none.
    """
    onboard.require_manager(actor, account.merchant_id, "provider_account.changed")
    onboard.refuse_unknown_credentials(account.provider, credentials)
    with transaction.atomic():
        Merchant.objects.select_for_update().get(id=account.merchant_id)  # one default at a time
        if changes.get("default") and not account.default:
            others = ProviderAccount.objects.filter(merchant_id=account.merchant_id, provider=account.provider)
            others.filter(default=True).update(default=False)
        _amend(account, ACCOUNT, changes, merchant_id=account.merchant_id, actor=actor)
        if credentials:
            account.credentials = json.dumps({**json.loads(account.credentials or "{}"), **credentials})
            account.save(update_fields=["credentials"])
            audit_log.write(
                actor=actor,
                action="provider_account.credentials_set",
                subject=account,
                merchant_id=account.merchant_id,
                after={"names": sorted(credentials)},
            )


def _amend(
    row: models.Model, allowed: frozenset[str], changes: Mapping[str, Any], *, merchant_id: str, actor: str
) -> None:
    unknown = set(changes) - allowed
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))} cannot be changed")
    given = onboard.checked(changes)
    changed = {name: value for name, value in given.items() if getattr(row, name) != value}
    if not changed:
        return
    before = {name: getattr(row, name) for name in changed}
    for name, value in changed.items():
        setattr(row, name, value)
    with transaction.atomic():
        row.save(update_fields=list(changed))
        kind = str(getattr(row, "OBJECT", ""))
        audit_log.write(
            actor=actor, action=f"{kind}.changed", subject=row, merchant_id=merchant_id, before=before, after=changed
        )
