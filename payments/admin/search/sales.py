"""Where the search looks among what was sold, given back and promised."""

from collections.abc import Sequence
from typing import Final

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from payments import audit_log
from payments.admin.base import render
from payments.admin.base.access import person
from payments.admin.customers import customer_tables
from payments.admin.search.finder import Finder, Hit, amount_is, by_id, joined, of_day
from payments.admin.search.terms import Terms
from payments.models import Chargeback, Discrepancy, Order, Payment, PaymentLink, Refund, Voucher
from payments.people.models import Customer
from payments.people.services.customers import email_hash
from payments.queries import orders as stories
from payments.queries import search
from payments.text.messages import render_message


def _by_order(terms: Terms) -> list[Q]:
    return [Q(order__reference__in=search.spellings(terms.name))]


def _payment_names(terms: Terms, merchants: Sequence[str]) -> list[Q]:
    return search.questions(terms.name, merchants=merchants)


def _payment_parts(terms: Terms, merchants: Sequence[str]) -> list[Q]:
    return [search.receipt_parts(terms.part, merchants=merchants)]


def _payment_amounts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    beside = Q()
    if terms.day is not None:
        beside &= Q(business_day=terms.day)
    if terms.together and terms.last4:
        beside &= Q(card_last4=terms.last4)
    if terms.amount is None:
        return [beside] if terms.together else []
    return [beside & question for question in amount_is(terms.amount)]


def _payment(row: Payment) -> Hit:
    return Hit(
        title=row.order.reference or row.receipt_number or render.short(row.id),
        detail=joined(
            render.short_moment(row.occurred_at, row.merchant.zone),
            row.channel.name,
            render.method(row),
            row.terminal_label,
            row.receipt_number if row.order.reference else "",
        ),
        amount=render.amount(row.amount, row.currency),
        label=render.status(row.status),
    )


def _order_names(terms: Terms, merchants: Sequence[str]) -> list[Q]:
    returned = stories.refunded_by_number(terms.name, merchants=merchants)
    return [*by_id(terms), Q(reference__in=search.spellings(terms.name)), *([Q(id__in=returned)] if returned else [])]


def _order_parts(terms: Terms, merchants: Sequence[str]) -> list[Q]:
    return [search.order_parts(terms.part, merchants=merchants)]


def _order(row: Order) -> Hit:
    return Hit(
        title=row.reference or render.short(row.id),
        detail=joined(render.short_moment(row.created_at, row.merchant.zone), row.channel.name),
        amount=render.amount(row.captured if row.total is None else row.total, row.currency),
    )


def _refund_names(terms: Terms, merchants: Sequence[str]) -> list[Q]:
    return [*by_id(terms), *_by_order(terms)]


def _dated(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return of_day(amount_is(terms.amount), terms, "business_day")


def _undated(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    """Of what has no day to be found by."""
    return [] if terms.together else amount_is(terms.amount)


def _refund(row: Refund) -> Hit:
    return Hit(
        title=row.order.reference or render.short(row.id),
        detail=joined(render.short_moment(row.created_at, row.merchant.zone), row.channel.name, row.reason),
        amount=render.amount(row.amount, row.currency),
        label=render.status(row.status),
    )


def _customer_names(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    address = [Q(email_hash=email_hash(terms.name))] if "@" in terms.name else []
    return [*by_id(terms), Q(reference=terms.name), *address]


def _customer_parts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [Q(name__icontains=terms.part)]


def _customer(row: Customer) -> Hit:
    return Hit(title=customer_tables.name_of(row), detail=joined(row.email, row.reference or ""))


def _note_customers(request: HttpRequest, rows: Sequence[Customer]) -> None:
    """Names and addresses were shown: that is a look at each of them."""
    for merchant_id in {row.merchant_id for row in rows}:
        known = [row for row in rows if row.merchant_id == merchant_id and row.erased_at is None]
        audit_log.note_looks(actor=person(request).id, subjects=known, merchant_id=merchant_id)


def _link_names(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [*by_id(terms), Q(token=terms.name), *_by_order(terms)]


def _link_parts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [Q(description__icontains=terms.part)]


def _link(row: PaymentLink) -> Hit:
    return Hit(
        title=row.description,
        detail=joined(render.short_moment(row.created_at, row.merchant.zone), row.channel.name),
        amount="" if row.amount is None else render.amount(row.amount, row.currency),
        label=render.status(row.status),
    )


def _voucher_names(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    """By the end of its code alone: a whole code is money, and an address ends up in logs."""
    ending = [Q(code_end=terms.name.upper())] if len(terms.name) == 4 else []
    return [*by_id(terms), *ending, *_by_order(terms)]


def _voucher(row: Voucher) -> Hit:
    return Hit(
        title=f"…{row.code_end}",
        detail=joined(render.short_moment(row.created_at, row.merchant.zone), row.get_purpose_display()),
        amount=render.amount(row.balance, row.currency),
        label=render.status(row.status),
    )


def _chargeback_names(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [*by_id(terms), Q(provider_reference=terms.name), *_by_order(terms)]


def _chargeback(row: Chargeback) -> Hit:
    return Hit(
        title=row.order.reference or render.short(row.id),
        detail=joined(render.short_moment(row.created_at, row.merchant.zone), row.get_stage_display()),
        amount=render.amount(row.amount, row.currency),
        label=render.status(row.status),
    )


def _discrepancy_names(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [*by_id(terms), Q(payment__order__reference__in=search.spellings(terms.name))]


def _discrepancy(row: Discrepancy) -> Hit:
    return Hit(
        title=str(row.get_kind_display()),
        detail=render_message(row.detail, row.message),
        amount="" if row.amount is None else render.amount(row.amount, str(row.currency)),
        label=render.label(row.get_status_display(), render.COLORS.get(row.status, "")),
    )


_PLACE: Final = ("merchant", "channel")
FINDERS: Final = (
    Finder(
        model=Payment,
        title=_("payments"),
        hit=_payment,
        named=_payment_names,
        parts=_payment_parts,
        amounts=_payment_amounts,
        related=("order", *_PLACE),
    ),
    Finder(
        model=Order,
        title=_("orders"),
        hit=_order,
        named=_order_names,
        parts=_order_parts,
        related=_PLACE,
    ),
    Finder(
        model=Refund,
        title=_("refunds"),
        hit=_refund,
        named=_refund_names,
        amounts=_dated,
        related=("order", *_PLACE),
    ),
    Finder(
        model=Customer,
        title=_("customers"),
        hit=_customer,
        named=_customer_names,
        parts=_customer_parts,
        seen=_note_customers,
    ),
    Finder(
        model=PaymentLink,
        title=_("payment links"),
        hit=_link,
        named=_link_names,
        parts=_link_parts,
        amounts=_undated,
        related=_PLACE,
    ),
    Finder(
        model=Chargeback,
        title=_("chargebacks"),
        hit=_chargeback,
        named=_chargeback_names,
        amounts=_undated,
        related=("order", "merchant"),
    ),
    Finder(
        model=Voucher,
        title=_("vouchers"),
        hit=_voucher,
        named=_voucher_names,
        amounts=_undated,
        related=("merchant",),
        named_filter=False,
    ),
    Finder(
        model=Discrepancy,
        title=_("discrepancies"),
        hit=_discrepancy,
        named=_discrepancy_names,
        amounts=_undated,
    ),
)
