"""Connectors that wait for a second person: asked for, and written when one approves."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction

from payments.core.errors import Conflict, NotFound
from payments.models import Merchant
from payments.people.actions import Action
from payments.people.actors import Actor
from payments.people.models import Approval, User
from payments.people.services import approvals, gate
from payments.people.services.notices import Notice
from payments.services.idempotency import IdempotencyGuard
from reconciliation.models import Connector
from reconciliation.services import connector_rows

_SHOWN = ("kind", "name", "settings", "sends", "days")


def propose_new(row: Connector, *, actor: Actor, guard: IdempotencyGuard | None) -> Approval:
    """Ask a second person for a connector that is not written yet."""
    shown = {name: getattr(row, name) for name in _SHOWN} | {"starts_on": row.starts_on.isoformat()}
    with transaction.atomic():
        if guard is not None:
            guard.begin(row.id)
        return _propose(Action.ADD_CONNECTOR, row, shown, {}, row.credentials, actor=actor)


def propose_change(
    row: Connector, changes: Mapping[str, Any], credentials: Mapping[str, str], *, actor: Actor
) -> Approval:
    """Ask a second person for a change.

    Raises:
        Conflict: `approval_waiting`.
    """
    before = {name: getattr(row, name) for name in changes}
    secrets = json.dumps(dict(credentials)) if credentials else None
    with transaction.atomic():
        return _propose(Action.CHANGE_CONNECTOR, row, changes, before, secrets, actor=actor)


def decide_new(subject_id: str, *, user: User, approved: bool, note: str) -> None:
    """Add a connector as requested, or do not.

    Raises:
        Conflict: `approval_not_open`, `connector_exists`.
        Forbidden: as `approvals.decide`.
    """
    waiting = Approval.objects.filter(subject_id=subject_id, action=Action.ADD_CONNECTOR).first()
    if waiting is None:
        raise NotFound
    with transaction.atomic():
        merchant = Merchant.objects.select_for_update().get(id=waiting.merchant_id)
        approval = _decided(subject_id, Action.ADD_CONNECTOR, merchant, user=user, approved=approved, note=note)
        if not approved:
            return
        given = dict(approval.payload["changes"])
        given["starts_on"] = date.fromisoformat(given["starts_on"])
        row = Connector(id=subject_id, merchant=merchant, credentials=approval.secrets or "", **given)
        connector_rows.refuse_second(row)
        connector_rows.save(row, actor=approval.requested_by)
        connector_rows.tell_owners(Notice.SETTINGS_CHANGED, row, by=user)


def decide_change(subject_id: str, *, user: User, approved: bool, note: str) -> None:
    """Change a connector as requested, or leave it as it is.

    Raises:
        Conflict: `approval_not_open`; `changed_meanwhile`, when it is no longer what the request would replace.
        Forbidden: as `approvals.decide`.
    """
    row = Connector.objects.select_related("merchant").filter(id=subject_id, removed_at=None).first()
    if row is None:
        raise NotFound
    with transaction.atomic():
        approval = _decided(subject_id, Action.CHANGE_CONNECTOR, row.merchant, user=user, approved=approved, note=note)
        if not approved:
            return
        connector_rows.lock(row)
        _refuse_if_changed(row, approval.payload["before"])
        secrets = json.loads(approval.secrets or "{}")
        connector_rows.apply(row, approval.payload["changes"], secrets, actor=approval.requested_by)
        connector_rows.tell_owners(Notice.SETTINGS_CHANGED, row, by=user)


def _propose(
    action: Action,
    row: Connector,
    changes: Mapping[str, Any],
    before: Mapping[str, Any],
    secrets: str | None,
    *,
    actor: Actor,
) -> Approval:
    """Store the request; of the credentials its payload has the names only, since the second person is shown it."""
    names = sorted(json.loads(secrets)) if secrets else []
    approval = gate.propose(
        action,
        subject=row,
        by=actor,
        merchant_id=row.merchant_id,
        payload={"changes": dict(changes), "before": dict(before), "credentials": names},
        secrets=secrets,
    )
    connector_rows.tell_owners(Notice.SETTINGS_REQUESTED, row, by=actor)
    return approval


def _decided(subject_id: str, action: Action, merchant: Merchant, *, user: User, approved: bool, note: str) -> Approval:
    return approvals.decide(
        subject_id=subject_id,
        action=action,
        user=user,
        approved=approved,
        note=note,
        alone_from=merchant.decides_alone_from,
    )


def _refuse_if_changed(row: Connector, before: Mapping[str, Any]) -> None:
    """What the second person was shown must still be so."""
    changed = sorted(name for name, value in before.items() if getattr(row, name) != value)
    if changed:
        detail = f"Changed since it was requested: {', '.join(changed)}. Reject this request and ask again."
        raise Conflict("changed_meanwhile", detail)
