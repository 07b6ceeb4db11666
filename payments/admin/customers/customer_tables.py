"""Tables about customers for other pages: their name, payment links, e-mails, and what was paid by the same card."""

from collections.abc import Collection, Iterable, Sequence
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from payments.admin.base import render
from payments.admin.base.page import Section
from payments.models import Merchant, Payment, PaymentLink
from payments.notify.models import Mail
from payments.people.models import Customer
from payments.queries.same_card import same_card as tied_payments


def name_of(row: Customer) -> str:
    """What to call this customer: by name, or else by what there is."""
    if row.erased_at is not None:
        return _("erased")
    return row.name or row.reference or row.email or _("no name")


def links(rows: Iterable[PaymentLink], zone: ZoneInfo) -> Section:
    """The links by which an order can be paid, as `queries.links` reads them."""
    return Section(
        id="links",
        title=_("Payment links"),
        columns=[_("created at"), _("payment link"), _("channel"), _("status"), _("paid by it"), _("expires at")],
        rows=[
            [
                render.moment(row.created_at, zone),
                render.link(row.id, str(row)),
                row.channel.name,
                render.status(row.status),
                render.money(row.taken or None, row.currency),
                render.moment(row.expires_at, zone),
            ]
            for row in rows
        ],
    )


def mails(object_ids: Collection[str], zone: ZoneInfo) -> Section:
    """What was written to whom about these objects."""
    rows = Mail.objects.filter(object_id__in=object_ids).defer("text", "html", "attachment").order_by("-id")[:100]
    return Section(
        id="mails",
        title=_("E-mails"),
        columns=[_("time"), _("e-mail"), pgettext("mail", "to"), _("status"), _("sent at")],
        rows=[
            [
                render.moment(row.created_at, zone),
                render.link(row.id, row.subject),
                row.to,
                render.status(row.status),
                render.moment(row.sent_at, zone),
            ]
            for row in rows
        ],
    )


def same_card(rows: Sequence[Payment], *, merchant: Merchant, seen: Q) -> list[Section]:
    """What else was paid with the cards of these payments, where the merchant has that tied and a card is known."""
    found = tied_payments(rows, merchant=merchant, seen=seen)
    if not found:
        return []
    by = {"par": _("account behind the card (PAR)"), "fingerprint": _("card's token")}
    section = Section(
        id="same-card",
        title=_("Same card"),
        columns=[_("time"), _("payment"), _("order"), _("channel"), _("method"), _("amount"), _("known by")],
        rows=[
            [
                render.moment(each.payment.occurred_at, merchant.zone),
                render.link(each.payment.id),
                render.link(each.payment.order_id, each.payment.order.reference or ""),
                each.payment.channel.name,
                render.method(each.payment),
                render.money(each.payment.amount, each.payment.currency),
                by[each.by],
            ]
            for each in found
        ],
    )
    return [section]
