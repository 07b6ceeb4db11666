"""What each request for a second person is about, in a line of the list: money, customer, order and reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from payments.admin.base import links
from payments.models import Discrepancy, Order, Refund, RefundPart, TransferBatch
from payments.people.models import Approval

A = Approval.Action
_OF_REFUNDS: Final = frozenset((A.REFUND,))
_OF_TRANSFERS: Final = frozenset((A.RELEASE_TRANSFER,))
_OF_BATCHES: Final = frozenset((A.RELEASE_BATCH,))
_OF_DISCREPANCIES: Final = frozenset((A.WRITE_OFF, A.FORCED_MATCH, A.BOOK_FEE, A.SUSPENSE, A.ACCEPT, A.UNDO_RESOLUTION))


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One request: `amount` in minor units of `currency`, None where it is about no money; `about` is what changes."""

    amount: int | None = None
    currency: str = ""
    order: Order | None = None
    reason: str = ""
    about: Any = ""

    @property
    def customer(self) -> str:
        """The name by which the shop knows the order's customer."""
        customer = self.order.customer if self.order is not None else None
        return customer.name or customer.email or customer.reference or "" if customer is not None else ""


def summaries(rows: Iterable[Approval]) -> dict[str, Summary]:
    """Return the summary of each request by its id, with one statement for each kind of subject among them."""
    rows = list(rows)
    found = {**_of_refunds(rows), **_of_transfers(rows), **_of_batches(rows), **_of_discrepancies(rows)}
    rest = [row for row in rows if row.id not in found]
    named = links.rows_by_id(row.subject_id for row in rest)
    return found | {row.id: _of_other(row, named) for row in rest}


def _subjects(rows: Iterable[Approval], actions: frozenset[Approval.Action]) -> dict[str, str]:
    """The subject of each request of these kinds, by the request's id."""
    return {row.id: row.subject_id for row in rows if row.action in actions}


def _of_refunds(rows: list[Approval]) -> dict[str, Summary]:
    wanted = _subjects(rows, _OF_REFUNDS)
    refunds = Refund.objects.select_related("order__customer").in_bulk(set(wanted.values())) if wanted else {}
    return {id_: _of_refund(refunds[subject]) for id_, subject in wanted.items() if subject in refunds}


def _of_refund(row: Refund) -> Summary:
    return Summary(amount=row.amount, currency=row.currency, order=row.order, reason=row.reason)


def _of_transfers(rows: list[Approval]) -> dict[str, Summary]:
    wanted = _subjects(rows, _OF_TRANSFERS)
    parts = RefundPart.objects.select_related("refund__order__customer").in_bulk(set(wanted.values())) if wanted else {}
    return {
        id_: Summary(
            amount=parts[subject].amount,
            currency=parts[subject].refund.currency,
            order=parts[subject].refund.order,
            reason=parts[subject].refund.reason,
        )
        for id_, subject in wanted.items()
        if subject in parts
    }


def _of_batches(rows: list[Approval]) -> dict[str, Summary]:
    wanted = _subjects(rows, _OF_BATCHES)
    batches = TransferBatch.objects.in_bulk(set(wanted.values())) if wanted else {}
    return {
        id_: Summary(amount=batches[subject].amount, currency=batches[subject].currency)
        for id_, subject in wanted.items()
        if subject in batches
    }


def _of_discrepancies(rows: list[Approval]) -> dict[str, Summary]:
    wanted = [row for row in rows if row.action in _OF_DISCREPANCIES]
    known = Discrepancy.objects.select_related("payment__order__customer")
    found = known.in_bulk({row.subject_id for row in wanted}) if wanted else {}
    return {row.id: _of_discrepancy(row, found[row.subject_id]) for row in wanted if row.subject_id in found}


def _of_discrepancy(row: Approval, about: Discrepancy) -> Summary:
    return Summary(
        amount=row.payload.get("part") or about.amount,
        currency=about.currency or "",
        order=about.payment.order if about.payment is not None else None,
        reason=row.payload.get("note") or (about.resolution or {}).get("note") or "",
        about=links.row_link(about, about.get_kind_display()),
    )


def _of_other(row: Approval, named: Mapping[str, Any]) -> Summary:
    """A setting, a period, a person: by its name, or by the one that it is to have."""
    subject = named.get(row.subject_id)
    about = links.row_link(subject) if subject is not None else row.payload.get("changes", {}).get("name", "")
    return Summary(about=about, reason=row.payload.get("reason", ""))
