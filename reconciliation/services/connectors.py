"""Connect a merchant's books with the accountant's software: add a connector, change it, switch it off, remove it.

The credentials decide to whom the books are sent. So adding a connector and changing its credentials or
settings take a fresh second factor, and at a live merchant a second person (`connector_approvals`).
"""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from payments.models import Merchant
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval
from payments.people.permissions import May
from payments.people.services import gate
from payments.people.services.notices import Notice
from payments.services.idempotency import IdempotencyGuard
from reconciliation.models import Connector
from reconciliation.services import connector_access, connector_approvals, connector_faults, connector_rows

# What says where the books go; the rest (the name, when a day is sent) a person changes alone.
GUARDED: Final = frozenset({"settings", "credentials"})


def add(
    *,
    merchant: Merchant,
    kind: str,
    name: str,
    settings: Mapping[str, str],
    credentials: Mapping[str, str],
    sends: str = Connector.Sends.JOURNALS,
    days: str = Connector.Days.FINISHED,
    starts_on: date | None = None,
    actor: Actor,
    guard: IdempotencyGuard | None = None,
) -> Connector | Approval:
    """Add a connector, or ask a second person for it; it then gets the id that the approval names.

    `starts_on` is the first book date that is sent (None: today's), so that what was handed over before stays. `sends`
    is said once: a package that got journals of a day must not get its statements, too.

    Raises:
        ValidationFailed: what of it cannot be.
        Conflict: `connector_exists`.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.ADD_CONNECTOR, by=actor, merchant_id=merchant.id)
    connector_faults.refuse(kind=kind, name=name, settings=settings, credentials=credentials, sends=sends)
    row = Connector(
        merchant=merchant,
        kind=kind,
        name=name,
        settings=connector_faults.whole(kind, settings),
        sends=sends,
        days=days,
        starts_on=starts_on or merchant.business_day(timezone.now()),
        credentials=json.dumps(dict(credentials)),
    )
    connector_rows.refuse_second(row)
    if gate.waits(Action.ADD_CONNECTOR, by=actor, merchant=merchant):
        return connector_approvals.propose_new(row, actor=actor, guard=guard)
    return connector_rows.save(row, actor=name_of(actor), guard=guard)


def change(
    row: Connector, *, changes: Mapping[str, Any], credentials: Mapping[str, str], actor: Actor
) -> Approval | None:
    """Change its name, its settings, or when days are sent; `credentials` are set beside those that stand.

    Returns the approval that it waits for, None where it is done.

    Raises:
        ValidationFailed: what of it cannot be.
        Conflict: `approval_waiting`, `connector_exists`.
        Forbidden: as `gate.check`.
    """
    wanted = _checked(row, changes, credentials)
    guarded = bool(credentials) or bool(GUARDED & wanted.keys())
    if guarded:
        gate.check(Action.CHANGE_CONNECTOR, by=actor, merchant_id=row.merchant_id)
    else:
        connector_rows.require(name_of(actor), row, "changed", May.MANAGE_SETTINGS)
    if not wanted and not credentials:
        return None
    if guarded and gate.waits(Action.CHANGE_CONNECTOR, by=actor, merchant=row.merchant):
        return connector_approvals.propose_change(row, wanted, credentials, actor=actor)
    connector_rows.apply(row, wanted, credentials, actor=name_of(actor))
    if guarded:
        connector_rows.tell_owners(Notice.SETTINGS_CHANGED, row, by=actor)
    return None


def switch(row: Connector, *, on: bool, actor: str) -> None:
    """Switch a connector off, or on again; what is booked meanwhile is sent when it is on.

    Raises:
        Forbidden: `permission_missing`; so does the next.
    """
    done = "switched_on" if on else "switched_off"
    connector_rows.require(actor, row, done, May.MANAGE_SETTINGS)
    with transaction.atomic():
        connector_rows.lock(row)
        if on == (row.status != Connector.Status.OFF):
            return
        row.status = connector_rows.beginning(row) if on else Connector.Status.OFF
        row.due_at, row.sign_in_state = (timezone.now() if on else None), ""
        row.save(update_fields=["status", "due_at", "sign_in_state"])
        connector_rows.log(row, done, actor)


def remove(row: Connector, *, actor: str) -> None:
    """Remove a connector and its secrets. Its outbox stays: it shows what the accountant has."""
    connector_rows.require(actor, row, "removed", May.MANAGE_SETTINGS)
    with transaction.atomic():
        connector_rows.lock(row)
        row.status, row.removed_at = Connector.Status.OFF, timezone.now()
        row.credentials = row.tokens = row.sign_in_state = ""
        row.save(update_fields=["status", "removed_at", "credentials", "tokens", "sign_in_state"])
        connector_rows.log(row, "removed", actor)


def _checked(row: Connector, changes: Mapping[str, Any], credentials: Mapping[str, str]) -> dict[str, Any]:
    """What really changes, if all of it can be."""
    connector_faults.refuse(
        kind=row.kind,
        name=changes.get("name", row.name),
        settings=changes.get("settings", row.settings),
        credentials={**connector_access.credentials_of(row), **credentials},
        sends=row.sends,
    )
    wanted = dict(changes)
    if "settings" in wanted:
        wanted["settings"] = connector_faults.whole(row.kind, wanted["settings"])
    return {name: value for name, value in wanted.items() if getattr(row, name) != value}
