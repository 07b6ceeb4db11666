"""What was ordered from a bank and is not on its statement yet, as the books have it."""

from collections.abc import Collection

from django.db.models import Sum

from payments.ledger.models import Posting


def in_transit(items: Collection[int]) -> dict[int, int]:
    """How much of each of these open items a bank has not shown yet, in minor units; what it has shown is left out."""
    rows = Posting.objects.filter(item__in=items, account__code__startswith="in_transit:").values("item")
    sums = rows.annotate(total=Sum("amount")).values_list("item", "total")
    return {item: -total for item, total in sums if item is not None and total}
