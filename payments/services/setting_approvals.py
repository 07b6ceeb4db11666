"""Settings that wait for a second person: what they change is kept with the request, and written when one approves."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from payments.core.errors import Conflict, NotFound
from payments.models import Channel, Merchant, ProviderAccount
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval, User
from payments.people.services import approvals, gate
from payments.services import create_setup, setting_notices, update_setup
from payments.services.idempotency import IdempotencyGuard
from payments.services.update_setup import Row


def request_provider_account(
    *,
    merchant: Merchant,
    provider: str,
    name: str,
    currency: str,
    external_id: str = "",
    bank_iban: str = "",
    credentials: Mapping[str, str] | None = None,
    fee_rates: Sequence[Mapping[str, Any]] = (),
    actor: Actor,
    guard: IdempotencyGuard | None = None,
) -> ProviderAccount | Approval:
    """Add a provider account, or ask a second person for it; it then gets the id that the approval names.

    Raises:
        Invalid, ValidationFailed, Forbidden: as `create_setup.create_provider_account`.
    """
    account = create_setup.new_account(
        merchant=merchant,
        provider=provider,
        name=name,
        currency=currency,
        external_id=external_id,
        bank_iban=bank_iban,
        credentials=credentials,
        fee_rates=fee_rates,
        actor=actor,
    )
    if not gate.waits(Action.ADD_PROVIDER_ACCOUNT, by=actor, merchant=merchant):
        return create_setup.save_account(account, actor=name_of(actor), guard=guard)
    with transaction.atomic():
        if guard is not None:
            guard.begin(account.id)
        names = ("provider", "name", "currency", "external_id", "bank_iban", "fee_rates")
        approval = gate.propose(
            Action.ADD_PROVIDER_ACCOUNT,
            subject=account,
            by=actor,
            merchant_id=merchant.id,
            payload={
                "changes": {name: getattr(account, name) for name in names},
                "before": {},
                "credentials": sorted(credentials or {}),  # names only: the payload is shown to the second person
            },
            secrets=account.credentials,
        )
        setting_notices.requested(approval, ["provider"], account, by=actor)
    return approval


def decide_change(subject_id: str, *, user: User, approved: bool, note: str) -> None:
    """Change a merchant, channel or provider account as requested, or leave it as it is.

    Raises:
        Conflict: `approval_not_open`; `changed_meanwhile`, when it is no longer what the request would replace.
        Forbidden: as `approvals.decide`.
    """
    row = _row(subject_id)
    action = Action.CHANGE_PAYOUT if isinstance(row, ProviderAccount) else Action.CHANGE_MONEY_RULES
    with transaction.atomic():
        # Before the approval is decided: settings, then approval, in the order of every other change.
        merchant = update_setup.locked(row)
        approval = approvals.decide(
            subject_id=subject_id,
            action=action,
            user=user,
            approved=approved,
            note=note,
            alone_from=merchant.decides_alone_from,
        )
        if not approved:
            return
        # After `decide`, within its transaction: a refusal here takes the decision back, too.
        _refuse_if_changed(row, approval.payload["before"])
        # An order may have been made since the request.
        update_setup.refuse_if_in_use(row, approval.payload["changes"])
        credentials = json.loads(approval.secrets or "{}")
        update_setup.apply(row, approval.payload["changes"], credentials=credentials, actor=approval.requested_by)
        names = [*approval.payload["changes"], *(["credentials"] if credentials else [])]
        setting_notices.changed(row, names, merchant=merchant, by=user)


def decide_account(subject_id: str, *, user: User, approved: bool, note: str) -> None:
    """Add a provider account as requested, or do not.

    Raises:
        Conflict: `approval_not_open`.
        Forbidden: as `approvals.decide`.
    """
    waiting = Approval.objects.filter(subject_id=subject_id, action=Action.ADD_PROVIDER_ACCOUNT).first()
    if waiting is None:
        raise NotFound
    with transaction.atomic():
        merchant = Merchant.objects.select_for_update().get(id=waiting.merchant_id)
        approval = approvals.decide(
            subject_id=subject_id,
            action=Action.ADD_PROVIDER_ACCOUNT,
            user=user,
            approved=approved,
            note=note,
            alone_from=merchant.decides_alone_from,
        )
        if approved:
            account = ProviderAccount(
                id=subject_id, merchant=merchant, credentials=approval.secrets or "", **approval.payload["changes"]
            )
            create_setup.save_account(account, actor=approval.requested_by)
            setting_notices.changed(account, ["provider"], merchant=merchant, by=user)


def _row(subject_id: str) -> Row:
    kind = subject_id.partition("_")[0]
    row: Row | None
    if kind == "mer":
        row = Merchant.objects.filter(id=subject_id).first()
    elif kind == "chn":
        row = Channel.objects.filter(id=subject_id).first()
    else:
        row = ProviderAccount.objects.filter(id=subject_id).first()
    if row is None:
        raise NotFound
    return row


def _refuse_if_changed(row: Row, before: Mapping[str, Any]) -> None:
    """What the second person was shown must still be so."""
    changed = sorted(name for name, value in before.items() if getattr(row, name) != value)
    if changed:
        raise Conflict(
            "changed_meanwhile",
            f"Changed since it was requested: {', '.join(changed)}. Reject this request and ask again.",
        )
