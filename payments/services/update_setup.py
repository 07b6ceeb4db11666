"""Change what a merchant, a channel or a provider account is like; each change stands in the audit log.

What decides about money (limits, bank accounts, credentials, refund rules) takes a fresh second factor, and at a live
merchant waits for a second person: then nothing is changed yet, and the approval that waits is returned. One request
is done as a whole or waits as a whole.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.db import transaction

from payments import audit_log
from payments.core.errors import Conflict
from payments.models import Channel, Merchant, Order, ProviderAccount
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval
from payments.people.services import gate
from payments.services import setting_notices, setup_faults


@dataclass(frozen=True, slots=True)
class Subject:
    """What may be changed of one kind of row: by itself under `plain`, and under `guarded` what `rules` names."""

    fields: frozenset[str]
    rules: frozenset[str]
    plain: Action
    guarded: Action

    def action(self, changed: Mapping[str, Any]) -> Action:
        """What a request that changes these has to pass."""
        return self.guarded if self.rules & changed.keys() else self.plain


MERCHANT: Final = Subject(
    frozenset(
        {
            "name",
            "iban",
            "cash_rounding",
            "second_person_above",
            "second_person_above_daily",
            "address",
            "registration_number",
            "vat_number",
            "fiscal_year_start",
            "mail_receipts",
            "refund_fallback",
            "allocation",
            "close_threshold",
            "tie_cards",
        }
    ),
    frozenset(
        {
            "iban",
            "cash_rounding",
            "second_person_above",
            "second_person_above_daily",
            "refund_fallback",
            "allocation",
            "close_threshold",
        }
    ),
    Action.CHANGE_SETTINGS,
    Action.CHANGE_MONEY_RULES,
)
CHANNEL: Final = Subject(
    frozenset(
        {"name", "address", "active", "kind", "namespace", "numeric_references", "return_schemes", "refund_routes"}
    ),
    frozenset({"refund_routes"}),
    Action.CHANGE_SETTINGS,
    Action.CHANGE_MONEY_RULES,
)
# What an order of a channel was made under cannot change beneath it.
SETTLED_BY_ORDERS: Final = frozenset({"kind", "namespace"})
ACCOUNT: Final = Subject(
    frozenset({"name", "external_id", "bank_iban", "fee_rates", "payout_days", "active", "default"}),
    frozenset({"external_id", "bank_iban", "default", "credentials"}),
    Action.CHANGE_PROVIDER_ACCOUNT,
    Action.CHANGE_PAYOUT,
)
Row = Merchant | Channel | ProviderAccount


def amend_merchant(merchant: Merchant, *, changes: Mapping[str, Any], actor: Actor) -> Approval | None:
    """Rename a merchant, or set its bank account, its limits, and what its receipts say and where they go.

    Raises:
        ValidationFailed: a name, IBAN or refund fallback that is none.
        Forbidden: as `gate.check`; so do the two below.
        Conflict: `approval_waiting`; so do the two below.
    """
    return _amend(merchant, MERCHANT, changes, actor=actor)


def amend_channel(channel: Channel, *, changes: Mapping[str, Any], actor: Actor) -> Approval | None:
    """Change what a channel is called, how it numbers its orders and gives money back, or close it to new payments.

    Raises:
        ValidationFailed: a name, kind, namespace, scheme or refund route that is none.
        Conflict: `channel_in_use`, where its kind or namespace would change beneath its orders.
    """
    return _amend(channel, CHANNEL, changes, actor=actor)


def amend_provider_account(
    account: ProviderAccount, *, changes: Mapping[str, Any], credentials: Mapping[str, str], actor: Actor
) -> Approval | None:
    """Change a contract. `credentials` are set beside those that stand; they are written, never shown nor logged.

    Raises:
        ValidationFailed: a name, IBAN, credential or fee rate that is none.
    """
    setup_faults.refuse_unknown_credentials(account.provider, credentials)
    return _amend(account, ACCOUNT, changes, credentials=credentials, actor=actor)


def apply(row: Row, changes: Mapping[str, Any], *, credentials: Mapping[str, str], actor: str) -> None:
    """Write what was checked, with its line in the audit log, under the lock of `locked`."""
    if isinstance(row, ProviderAccount) and changes.get("default"):
        others = ProviderAccount.objects.filter(merchant_id=row.merchant_id, provider=row.provider)
        # First, or the partial unique index (one default a provider) would refuse the new one.
        others.filter(default=True).exclude(id=row.id).update(default=False)
    before = {name: _kept(getattr(row, name)) for name in changes}
    for name, value in changes.items():
        setattr(row, name, value)
    if changes:
        row.save(update_fields=list(changes))
        _log(row, "changed", actor, before=before, after={name: _kept(value) for name, value in changes.items()})
    if isinstance(row, ProviderAccount) and credentials:
        # Beside those that stand: to roll one key nobody needs to know the others.
        row.credentials = json.dumps({**json.loads(row.credentials or "{}"), **credentials})
        row.save(update_fields=["credentials"])
        _log(row, "credentials_set", actor, after={"names": sorted(credentials)})


def locked(row: Row) -> Merchant:
    """Lock and refresh the row and its merchant: changes of one merchant's settings wait for one another."""
    merchant_id = row.id if isinstance(row, Merchant) else row.merchant_id
    merchant = Merchant.objects.select_for_update().get(id=merchant_id)
    if isinstance(row, Channel):  # an order that is being made there holds it
        row.refresh_from_db(from_queryset=Channel.objects.select_for_update())
    else:
        row.refresh_from_db()
    return merchant


def refuse_if_in_use(row: Row, changed: Mapping[str, Any]) -> None:
    """Raise Conflict where this would change beneath a channel's orders."""
    if isinstance(row, Channel) and SETTLED_BY_ORDERS & changed.keys() and Order.objects.filter(channel=row).exists():
        detail = "This channel has orders already: its kind and its namespace stay. Open another channel."
        raise Conflict("channel_in_use", detail)


def _amend(
    row: Row,
    subject: Subject,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    credentials: Mapping[str, str] = MappingProxyType({}),
) -> Approval | None:
    unknown = set(changes) - subject.fields
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))} cannot be changed")
    given = setup_faults.checked(changes)
    secrets = dict(credentials)
    requested = {**_changed(row, given), **({"credentials": True} if secrets else {})}
    merchant_id = row.id if isinstance(row, Merchant) else row.merchant_id
    # Before the lock, so that who may not ask waits for nobody; what is compared again under it may only be stricter.
    gate.check(subject.action(requested), by=actor, merchant_id=merchant_id)
    with transaction.atomic():
        merchant = locked(row)
        changed = _changed(row, given)
        action = subject.action({**changed, **requested})
        # Another request made the same change while this one waited for the lock.
        if not (changed or secrets):
            return None
        refuse_if_in_use(row, changed)
        if gate.waits(action, by=actor, merchant=merchant):
            return _propose(row, action, changed, secrets, actor=actor, merchant=merchant)
        apply(row, changed, credentials=secrets, actor=name_of(actor))
        if action == subject.guarded:
            setting_notices.changed(row, [*changed, *(["credentials"] if secrets else [])], merchant=merchant, by=actor)
    return None


def _changed(row: Row, given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if getattr(row, name) != value}


def _propose(
    row: Row, action: Action, changed: dict[str, Any], secrets: dict[str, str], *, actor: Actor, merchant: Merchant
) -> Approval:
    approval = gate.propose(
        action,
        subject=row,
        by=actor,
        merchant_id=merchant.id,
        payload={
            "changes": changed,
            "before": {name: getattr(row, name) for name in changed},
            "credentials": sorted(secrets),
        },
        secrets=json.dumps(secrets) if secrets else None,
    )
    setting_notices.requested(approval, [*changed, *(["credentials"] if secrets else [])], row, by=actor)
    return approval


def _log(row: Row, what: str, actor: str, **details: Any) -> None:
    merchant_id = row.id if isinstance(row, Merchant) else row.merchant_id
    audit_log.write(actor=actor, action=f"{row.OBJECT}.{what}", subject=row, merchant_id=merchant_id, **details)


def _kept(value: Any) -> Any:
    """A value as JSON holds it."""
    return value.isoformat() if isinstance(value, datetime) else value
