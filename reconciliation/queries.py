"""What reconciliation reads in the ledger, and the queries it registers with the layer below."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import IntegerField, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from payments.ledger.models import Posting
from payments.ledger.posting import AccountSpec
from reconciliation.models import Connector, ConnectorDocument, Settlement
from reconciliation.sql import settlements


def item_balance(merchant_id: str, account: AccountSpec, item: int) -> int:
    """What stands on one account about one item, debit positive."""
    postings = Posting.objects.filter(
        item=item, account__merchant_id=merchant_id, account__code=account.code, account__currency=account.currency
    )
    return int(postings.aggregate(total=Sum("amount"))["total"] or 0)


def fee_parts(settlement_id: int) -> list[tuple[str, int]]:
    """What the fees of a settlement consist of: (part, amount in minor units)."""
    return settlements.fee_parts(settlement_id)


def last_settlements(account_ids: Sequence[str]) -> Mapping[str, datetime]:
    """When each of these provider accounts was last settled; registered in `settings.LAST_SETTLEMENTS`."""
    rows = Settlement.objects.filter(provider_account_id__in=account_ids)
    return dict(rows.values_list("provider_account_id").annotate(Max("closed_at")))


def with_outbox(rows: QuerySet[Connector]) -> QuerySet[Connector]:
    """Connectors with how many entries of their outbox are `pending`, `sent` and `failed`."""
    states = ConnectorDocument.Status
    return rows.annotate(pending=_entries(states.PENDING), sent=_entries(states.SENT), failed=_entries(states.FAILED))


def _entries(status: str) -> Coalesce:
    documents = ConnectorDocument.objects.filter(connector_id=OuterRef("id"), status=status)
    summed = documents.order_by().values("connector_id").annotate(sum=Sum("entries")).values("sum")
    return Coalesce(Subquery(summed), 0, output_field=IntegerField())
