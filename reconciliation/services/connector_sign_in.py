"""A person signs in at the package: sent there with a state that is used once, and back with a code for tokens."""

import hmac
import secrets
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core import crypto
from payments.core.errors import Conflict, Forbidden
from payments.people.actions import Action
from payments.people.models import User
from payments.people.services import gate
from payments.runtime.task_queue import enqueue_on_commit
from reconciliation.connectors import oauth
from reconciliation.connectors.base import ConnectorError, OAuth
from reconciliation.connectors.package import base_of
from reconciliation.models import Connector
from reconciliation.services import connector_access

LASTS: Final = timedelta(minutes=15)
RETURN_PATH: Final = "/admin/reconciliation/connector/signed-in/"


def begin(row: Connector, *, user: User) -> str:
    """Return the address at which this person lets Onetill in.

    Raises:
        Conflict: `connector_without_sign_in`.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.CHANGE_CONNECTOR, by=user, merchant_id=row.merchant_id)
    signed_in = _oauth(row)
    state = secrets.token_urlsafe(32)
    with transaction.atomic():
        row.refresh_from_db(from_queryset=Connector.objects.select_for_update())
        row.sign_in_state, row.sign_in_by = crypto.keyed_hash(state), user.id
        row.sign_in_until = timezone.now() + LASTS
        row.save(update_fields=["sign_in_state", "sign_in_by", "sign_in_until"])
    return oauth.authorize_url(
        base_of(row.kind, "sign_in"),
        signed_in,
        credentials=connector_access.credentials_of(row),
        redirect=redirect_uri(),
        state=state,
    )


def finish(*, state: str, code: str, user: User) -> Connector:
    """Take the person back who comes with a code, and store tokens for it.

    Raises:
        Forbidden: `sign_in_state_unknown`, where this person did not begin it, or too long ago; as `gate.check`.
        Conflict: `sign_in_failed`, where the package refuses the code.
    """
    row = _spend(state, user)
    gate.check(Action.CHANGE_CONNECTOR, by=user, merchant_id=row.merchant_id)
    try:
        tokens = oauth.tokens_for_code(
            base_of(row.kind, "token"),
            _oauth(row),
            credentials=connector_access.credentials_of(row),
            redirect=redirect_uri(),
            code=code,
        )
    except ConnectorError as trouble:
        raise Conflict(
            "sign_in_failed", f"The package did not accept the sign-in ({trouble.code}). Try again."
        ) from None
    with transaction.atomic():
        row.refresh_from_db(from_queryset=Connector.objects.select_for_update())
        if row.removed_at is not None:
            raise Conflict("sign_in_failed", "The connector was removed meanwhile.")
        row.tokens = connector_access.written(tokens)
        row.status = row.status if row.status == Connector.Status.OFF else Connector.Status.CONNECTED
        row.error_code, row.error_detail, row.due_at = "", "", timezone.now()
        row.save(update_fields=["tokens", "status", "error_code", "error_detail", "due_at"])
        audit_log.write(actor=user.id, action="connector.signed_in", subject=row, merchant_id=row.merchant_id)
        enqueue_on_commit("reconciliation.send_connector", row.id)
    return row


def redirect_uri() -> str:
    """The address that is registered with the package, to which people come back."""
    return f"{settings.PUBLIC_URL}{RETURN_PATH}"


def _spend(state: str, user: User) -> Connector:
    """Find whose sign-in this is; a state opens once, for the one who began it."""
    hashed = crypto.keyed_hash(state)
    with transaction.atomic():
        rows = Connector.objects.select_for_update(of=("self",)).select_related("merchant")
        row = rows.filter(sign_in_state=hashed, removed_at=None).first() if state else None
        until = row.sign_in_until if row is not None else None
        good = row is not None and hmac.compare_digest(row.sign_in_by, user.id) and until is not None
        if row is None or not good or until is None or until < timezone.now():
            detail = "This sign-in was not begun by you, or too long ago. Begin it again at the connector."
            raise Forbidden("sign_in_state_unknown", detail)
        row.sign_in_state = ""
        row.save(update_fields=["sign_in_state"])
    return row


def _oauth(row: Connector) -> OAuth:
    signed_in = connector_access.connector_of(row).capabilities.oauth
    if signed_in is None or not connector_access.signs_in(row):
        raise Conflict("connector_without_sign_in", "Nobody signs in at this package: its credentials are enough.")
    return signed_in
