"""What reconciliation asks the books."""

from django.db.models import Sum

from payments.ledger.models import Posting
from payments.ledger.posting import AccountSpec


def item_balance(merchant_id: str, account: AccountSpec, item: int) -> int:
    """What stands on one account about one item, debit positive."""
    postings = Posting.objects.filter(
        item=item, account__merchant_id=merchant_id, account__code=account.code, account__currency=account.currency
    )
    return int(postings.aggregate(total=Sum("amount"))["total"] or 0)
