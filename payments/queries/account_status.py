"""How a provider account is doing: when its provider was last heard of, and what stands in the way."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string

from payments import registry
from payments.models import Operation, ProviderAccount, ProviderEvent
from payments.providers.base import Outcome


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """`last_error` says what keeps the account from working now; None: nothing that is known."""

    ok: bool
    last_webhook_at: datetime | None
    last_settlement_at: datetime | None
    last_error: str | None


def of(rows: Sequence[ProviderAccount]) -> dict[str, AccountStatus]:
    """The status of each account, by its id."""
    last_settlements: Callable[[list[str]], Mapping[str, datetime]] = import_string(settings.LAST_SETTLEMENTS)
    settled = last_settlements([row.id for row in rows])
    return {row.id: _status(row, settled.get(row.id)) for row in rows}


def _status(row: ProviderAccount, settled_at: datetime | None) -> AccountStatus:
    event = ProviderEvent.objects.filter(provider_account=row).order_by("-id").values_list("created_at").first()
    error = _missing_credentials(row) or _unanswered(row)
    return AccountStatus(
        ok=row.active and error is None,
        last_webhook_at=event[0] if event else None,
        last_settlement_at=settled_at,
        last_error=error,
    )


def _missing_credentials(row: ProviderAccount) -> str | None:
    able = registry.provider(row.provider).capabilities
    given = json.loads(row.credentials or "{}")
    missing = [one.name for one in able.credentials if one.required and not given.get(one.name)]
    return f"Credentials are missing: {', '.join(missing)}." if missing else None


def _unanswered(row: ProviderAccount) -> str | None:
    """What the provider last failed to answer and is still being asked for."""
    waiting = Operation.objects.filter(
        due_at__isnull=False, provider_account=row, outcome__in=[Outcome.UNKNOWN, Outcome.NOT_SENT]
    )
    last = waiting.order_by("-id").first()
    return f"{last.failure_detail or 'The provider did not answer.'} ({last.verb}, {last.id})" if last else None
