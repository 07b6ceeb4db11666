"""An order at the counter: what was paid where, what can go back, what went back, and its history."""

from typing import Any, Final

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from payments import audit_log
from payments.admin.base import render
from payments.models import Order, Payment, PaymentLink, Refund
from payments.people.models import Customer
from payments.queries.due import due
from payments.queries.links import with_status
from payments.queries.orders import Story, oldest_in_doubt, stories
from payments.queries.timeline import timeline
from payments.services.link import amount_due
from payments.services.refunds.sentences import paid_with
from payments.services.send_receipt import is_available
from payments.text.formatting import amount, short_moment
from terminals.counter import sentences
from terminals.counter.desk import Desk, at_counter
from terminals.counter.page import page

MOST_LINKS: Final = 20  # what a person looks through


@require_safe
@at_counter
def show(request: HttpRequest, desk: Desk, order_id: str) -> HttpResponse:
    """`/counter/orders/{id}`: the order, whichever channel it was bought in."""
    order = of_merchant(desk, order_id)
    (story,) = stories([order])
    _note_look(desk, story)
    name, left = sentences.name_of(order, story.payments), due(order, story.payments)
    context = {
        "desk": desk,
        "order": order,
        "name": name,
        "due": left,
        # Without a total nobody knows what is still to pay: only what was never paid is asked for.
        "asks": not order.captured if left is None else left > 0,
        "in_doubt": oldest_in_doubt(story.payments),
        "payments": [_payment(row, desk) for row in story.payments],
        "refunds": [_refund(row, desk) for row in story.refunds],
        "open_links": open_links(PaymentLink.objects.filter(order=order)),
        "chargebacks": story.chargebacks,
        "history": _history(story, desk),
        "customer": order.customer,
        "sent": request.GET.get("sent") == "receipt",
    }
    return page(request, "order.html", context, title=name)


def of_merchant(desk: Desk, order_id: str) -> Order:
    """The order, of any channel of the desk's merchant.

    Raises:
        Http404: the merchant has none of this id.
    """
    rows = Order.objects.select_related("merchant", "channel", "customer")
    row = rows.filter(id=order_id.replace("\0", ""), merchant=desk.merchant).first()
    if row is None:
        raise Http404
    return row


def open_links(rows: QuerySet[PaymentLink]) -> list[dict[str, str]]:
    """Those of these links that can be paid now: another beside them could be paid twice."""
    # By name: the type checker knows no annotation of a status.
    active = with_status(rows).filter(**{"status": PaymentLink.Status.ACTIVE}).order_by("-id")[:MOST_LINKS]
    return [
        {"id": row.id, "name": f"{amount(amount_of_link(row), row.currency)} · {row.description}"} for row in active
    ]


def amount_of_link(row: PaymentLink) -> int | None:
    """What a link asks for: its own amount, or what is due on its order."""
    return row.amount if row.amount is not None else amount_due(row)


def _payment(row: Payment, desk: Desk) -> dict[str, Any]:
    return {
        "amount": amount(row.amount_captured or row.amount, row.currency),
        "paid_with": paid_with(row),
        "where": row.channel.name,
        "when": short_moment(row.occurred_at, desk.merchant.zone),
        "stands": sentences.payment_status(row),
        "status": row.status,
        "offline": row.provisional,
        "receipt": row.id if is_available(row) else "",
        "given_back": amount(row.amount_refunded, row.currency) if row.amount_refunded else "",
    }


def _refund(row: Refund, desk: Desk) -> dict[str, Any]:
    parts = list(row.parts.all())
    return {
        "id": row.id,
        "amount": amount(row.amount, row.currency),
        "when": short_moment(row.occurred_at, desk.merchant.zone),
        "where": row.channel.name,
        "reason": row.reason,
        "status": row.status,
        "parts": [
            {"goes": sentences.going(part, row.currency), "stands": sentences.part_status(part, row.currency)}
            for part in parts
        ],
        "receipt": row.id if is_available(row) else "",
    }


def _history(story: Story, desk: Desk) -> list[dict[str, Any]]:
    lines = sentences.worth_reading(timeline(story))
    called = render.people(line.actor for line in lines)
    return [
        {
            "when": short_moment(line.at, desk.merchant.zone),
            "what": sentences.happened(line),
            "where": line.channel.name,
            "who": line.operator or (called[line.actor] if line.actor.startswith("usr_") else ""),
            "reason": line.reason,
        }
        for line in lines
    ]


def _note_look(desk: Desk, story: Story) -> None:
    """Write down that the person saw who the customer is."""
    ids = {story.order.customer_id, *(row.customer_id for row in story.payments)} - {None}
    known = list(Customer.objects.filter(id__in=ids, erased_at__isnull=True)) if ids else []
    audit_log.note_looks(actor=desk.user.id, subjects=known, merchant_id=desk.merchant.id)
