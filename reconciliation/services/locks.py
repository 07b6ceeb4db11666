"""The locks under which a discrepancy is resolved or undone: orders by id first, then discrepancies by id."""

from collections.abc import Collection

from django.db.models import Q

from payments.core.errors import NotFound
from payments.models import Discrepancy, Order


def locked(discrepancy_id: str, *, beside: Collection[str] = ()) -> Discrepancy:
    """Return a discrepancy, locked along with the discrepancies and payments that are named beside it.

    Their orders are locked first, as recording an outcome does, which resolves discrepancies.

    Raises:
        NotFound: there is no such discrepancy.
    """
    merchant_id = Discrepancy.objects.filter(id=discrepancy_id).values_list("merchant_id", flat=True).first()
    if merchant_id is None:
        raise NotFound
    names = [discrepancy_id, *beside]
    own = Discrepancy.objects.filter(merchant_id=merchant_id, id__in=names)
    orders = Order.objects.filter(
        Q(id__in=own.filter(payment__isnull=False).values("payment__order_id"))
        | Q(id__in=Order.objects.filter(payments__id__in=beside).values("id")),
        merchant_id=merchant_id,
    )
    list(orders.select_for_update().order_by("id"))
    rows = own.select_for_update(of=("self",)).select_related("merchant", "payment").order_by("id")
    return next(row for row in rows if row.id == discrepancy_id)
