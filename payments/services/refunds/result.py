"""What a service that decides about a refund returns."""

from dataclasses import dataclass

from payments import payloads
from payments.models import Refund


@dataclass(frozen=True, slots=True)
class RefundResult:
    """A refund as it now stands, and the code of a voucher made for it, which nobody can be shown again."""

    refund: Refund
    voucher_code: str | None


def read(refund_id: str) -> Refund:
    """The refund as it now stands, with all that its payload needs."""
    rows = Refund.objects.select_related(*payloads.REFUND_RELATED).prefetch_related(*payloads.REFUND_PREFETCH)
    return rows.get(id=refund_id)
