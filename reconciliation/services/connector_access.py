"""Who may send, and with which tokens: one process at a time per connector, and no token used before it is stored.

The lease is a row's, with an end, so that no transaction is open while a package is asked. Whoever holds it renews
tokens. A refresh token that rotates is used once: the new one is stored before anything is done with it. A process
that dies between the package's answer and the storing loses it; then the old one is refused, and a person signs in
again. Nothing else is lost: the outbox waits.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from reconciliation import registry
from reconciliation.connectors import base, oauth
from reconciliation.connectors.base import Access, Tokens
from reconciliation.models import Connector
from reconciliation.sql import connectors as sql

LEASE_SECONDS: Final = 300.0  # longer than all requests of one document together


class LeaseLost(Exception):
    """Another process may send by now, or nobody: whatever was planned is not done."""


@contextmanager
def lease(connector_id: str) -> Iterator[str | None]:
    """Be the one process that sends, for the length of the block. Yields its name; None while another one is."""
    holder = secrets.token_hex(16)
    if not sql.take(connector_id, holder, LEASE_SECONDS):
        yield None
        return
    try:
        yield holder
    finally:
        sql.release(connector_id, holder)


def hold(connector_id: str, holder: str) -> None:
    """Make sure that this process may still send, for as long as a request can take.

    Raises:
        LeaseLost: it may not.
    """
    if not sql.hold(connector_id, holder, LEASE_SECONDS):
        raise LeaseLost


def access(row: Connector, holder: str) -> Access:
    """Return what a connector needs to work, with tokens that are good for now.

    Raises:
        ConnectorError: no tokens can be had.
        LeaseLost: another process has to do this.
    """
    known = Access(
        credentials=credentials_of(row),
        settings=row.settings,
        tokens=_read(row.tokens),
        hold=lambda: hold(row.id, holder),
    )
    return renewed(row, known) if oauth.is_due(known.tokens, timezone.now()) else known


def renewed(row: Connector, known: Access) -> Access:
    """Ask for new tokens and store them before anybody uses them. Raises as `access`."""
    known.hold()
    tokens = connector_of(row).renew(known)
    store(row, tokens, instead_of=known.tokens)
    return replace(known, tokens=tokens)


def store(row: Connector, tokens: Tokens, *, instead_of: Tokens | None) -> None:
    """Store tokens, unless a person signed in meanwhile: then those are newer.

    Raises:
        LeaseLost: they were replaced meanwhile.
    """
    with transaction.atomic():
        current = Connector.objects.select_for_update().get(id=row.id)
        if _read(current.tokens) != instead_of or current.removed_at is not None:
            raise LeaseLost
        current.tokens = row.tokens = written(tokens)
        current.save(update_fields=["tokens"])


def connector_of(row: Connector) -> base.Connector:
    """The package of a connector."""
    return registry.connectors()[row.kind]


def credentials_of(row: Connector) -> dict[str, str]:
    """What people entered, decrypted."""
    read: dict[str, str] = json.loads(row.credentials or "{}")
    return read


def signs_in(row: Connector) -> bool:
    """Tell whether a person has to sign in at the package: it needs that, and no other credential stands for it."""
    named = credentials_of(row)
    return connector_of(row).capabilities.oauth is not None and bool(named.get("client_id")) and not named.get("token")


def written(tokens: Tokens) -> str:
    """Tokens as they are stored, in an encrypted column."""
    ends = tokens.expires_at and tokens.expires_at.isoformat()
    return json.dumps({"access": tokens.access, "refresh": tokens.refresh, "expires_at": ends})


def _read(text: str) -> Tokens | None:
    if not text:
        return None
    parts = json.loads(text)
    ends = parts["expires_at"] and datetime.fromisoformat(parts["expires_at"])
    return Tokens(parts["access"], parts["refresh"], ends)
