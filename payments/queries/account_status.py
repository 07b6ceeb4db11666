"""How a provider account is doing: its provider's last webhook and settlement, and what prevents its use."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.utils.module_loading import import_string

from payments.models import Operation, ProviderAccount, ProviderEvent
from payments.providers import registry
from payments.providers.base import Outcome


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """`last_error` says what keeps the account from working now; None: nothing that is known. `problem`: the same
    without our own names, as a page shows it.
    """

    ok: bool
    last_webhook_at: datetime | None
    last_settlement_at: datetime | None
    last_error: str | None
    problem: str | None


def of(rows: Sequence[ProviderAccount]) -> dict[str, AccountStatus]:
    """The status of each account, by its id; a constant number of statements, however many accounts."""
    # Named in the settings, since settlements belong to a higher floor (`reconciliation`).
    last_settlements: Callable[[list[str]], Mapping[str, datetime]] = import_string(settings.LAST_SETTLEMENTS)
    ids = [row.id for row in rows]
    settled, webhooks, unanswered = last_settlements(ids), _last_webhooks(ids), _unanswered(ids)
    return {row.id: _status(row, webhooks.get(row.id), settled.get(row.id), unanswered.get(row.id)) for row in rows}


def _status(
    row: ProviderAccount, last_webhook_at: datetime | None, settled_at: datetime | None, unanswered: Operation | None
) -> AccountStatus:
    problem = _missing_credentials(row)
    named = ""
    if problem is None and unanswered is not None:
        problem = unanswered.failure_detail or "The provider did not answer."
        named = f" ({unanswered.verb}, {unanswered.id})"
    error = problem and problem + named
    return AccountStatus(
        ok=row.active and error is None,
        last_webhook_at=last_webhook_at,
        last_settlement_at=settled_at,
        last_error=error,
        problem=problem,
    )


def _last_webhooks(account_ids: Sequence[str]) -> dict[str, datetime | None]:
    """Each looked up at the end of its account's index: the other events are not read."""
    last = ProviderEvent.objects.filter(provider_account=OuterRef("id")).order_by("-id").values("created_at")[:1]
    rows = ProviderAccount.objects.filter(id__in=account_ids)
    return dict(rows.annotate(last_at=Subquery(last)).values_list("id", "last_at"))


def _missing_credentials(row: ProviderAccount) -> str | None:
    able = registry.provider(row.provider).capabilities
    given = json.loads(row.credentials or "{}")
    missing = [one.name for one in able.credentials if one.required and not given.get(one.name)]
    return f"Credentials are missing: {', '.join(missing)}." if missing else None


def _unanswered(account_ids: Sequence[str]) -> dict[str, Operation]:
    """The last request that each provider failed to answer and that is still retried."""
    waiting = Operation.objects.filter(
        due_at__isnull=False, provider_account__in=account_ids, outcome__in=[Outcome.UNKNOWN, Outcome.NOT_SENT]
    )
    last = waiting.order_by("provider_account_id", "-id").distinct("provider_account_id")
    return {one.provider_account_id: one for one in last}
