"""What is on its way to the bank in the next two weeks, and what providers charge beside the contract."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import formats
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from payments.admin.base import render
from payments.admin.base.access import can, person, whole_merchants
from payments.admin.base.forms import OfMerchantForm
from payments.admin.base.links import link, list_link, open_page_link, row_link
from payments.admin.base.page import Section
from payments.models import BankTransfer, Merchant, Payment, ProviderAccount
from payments.models.payment import Method
from payments.people.permissions import May
from payments.text.formatting import weekday
from reconciliation.forecast import (
    Delay,
    Expected,
    FeeRate,
    Forecast,
    Leaving,
    OwedBy,
    by_account,
    fee_rates,
    forecast,
    receivables_of,
)
from reconciliation.models import Settlement

DAYS: Final = 14


def forecast_page(request: HttpRequest) -> HttpResponse:
    """What each provider owes, when it is expected, and what is overdue."""
    return _page(request, _("Forecast"), _forecast, _("No provider owes anything, and no refund waits for a transfer."))


def fees_page(request: HttpRequest) -> HttpResponse:
    """What was charged in the last 90 days by method and brand, and what the contract says."""
    return _page(request, _("Fees"), _fees, _("Nothing was settled in the last 90 days."))


def _page(request: HttpRequest, title: str, sections: Callable[[Merchant], list[Section]], empty: str) -> HttpResponse:
    if not can(request, May.SEE_BOOKS):
        raise PermissionDenied
    own = list(whole_merchants(person(request), May.SEE_BOOKS).order_by("-mode", "name"))
    usual = {"merchant": own[0].id} if own else {}
    form = OfMerchantForm({**usual, **request.GET.dict()}, own)
    found: list[Section] = []
    if own and form.is_valid():
        found = sections(next(row for row in own if row.id == form.cleaned_data["merchant"]))
    context = {"title": title, "form": form, "sections": found, "empty": empty}
    return TemplateResponse(request, "payments/admin/figures.html", {**admin.site.each_context(request), **context})


def _forecast(merchant: Merchant) -> list[Section]:
    found = forecast(merchant, days=DAYS)
    sections = [_owed(found)] if found.owed else []
    sections += [_flow(found)] if found.owed or found.leaving else []
    sections += [_leaving(found)] if found.leaving else []
    return [*sections, *(_behind(owed) for owed in found.owed)]


def _owed(found: Forecast) -> Section:
    """A row for each provider account and currency."""
    receivables = receivables_of(found.merchant)
    return Section(
        id="owed",
        title=_("What providers owe"),
        columns=[
            *(_("provider account"), _("owed, less expected fees"), _("overdue"), _("without a day"), _("takes")),
            *(_("pays out to"), _("behind it")),
        ],
        rows=[
            [
                row_link(owed.account, owed.account.name),
                _anchored(owed, owed.total()),
                _anchored(owed, owed.total(overdue=True)),
                _anchored(owed, owed.total(dated=False)),
                _takes(owed.delay),
                owed.iban or render.NOTHING,
                row_link(receivables.get((owed.account.id, owed.currency)), _("open items")),
            ]
            for owed in found.owed
        ],
    )


def _flow(found: Forecast) -> Section:
    """A row for each day of the next two weeks with what comes and what leaves, and a sum for each currency."""
    days, by_day = list(found.days()), [(owed, owed.by_day()) for owed in found.owed]
    refunded = sorted({each.currency for each in found.leaving})
    currencies = sorted({*(owed.currency for owed in found.owed), *refunded})
    return Section(
        id="flow",
        title=_("Expected in the next %(days)s days") % {"days": DAYS},
        columns=[
            _("day"),
            *(f"{owed.account.name} {owed.currency}" for owed in found.owed),
            *(_("refunds by transfer %(currency)s") % {"currency": currency} for currency in refunded),
            *(_("all in %(currency)s") % {"currency": currency} for currency in currencies),
        ],
        rows=[
            [
                weekday(day),
                *(_anchored(owed, of[day]) if day in of else render.NOTHING for owed, of in by_day),
                *_refunds(found, refunded, [day]),
                *_sums(found, currencies, [day]),
            ]
            for day in days
        ],
        totals=[
            _("total"),
            *(render.money(sum(of.get(day, 0) for day in days), owed.currency) for owed, of in by_day),
            *_refunds(found, refunded, days),
            *_sums(found, currencies, days),
        ],
    )


def _refunds(found: Forecast, currencies: Sequence[str], days: Sequence[date]) -> list[Any]:
    """What leaves as refunds on these days together, of each currency."""
    leaves = found.leaving_by_day()
    left = [(sum(leaves.get((day, currency), 0) for day in days), currency) for currency in currencies]
    return [render.money(-amount, currency) if amount else render.NOTHING for amount, currency in left]


def _sums(found: Forecast, currencies: Sequence[str], days: Sequence[date]) -> list[Any]:
    """What comes on these days together, less what leaves, of each currency."""
    flow: Counter[tuple[date, str]] = Counter()
    for owed in found.owed:
        flow.update({(day, owed.currency): amount for day, amount in owed.by_day().items()})
    flow.subtract(found.leaving_by_day())
    return [render.money(sum(flow[day, currency] for day in days), currency) for currency in currencies]


def _leaving(found: Forecast) -> Section:
    """Refunds by bank transfer, as they leave together."""
    return Section(
        id="leaving",
        title=_("Refunds by bank transfer"),
        columns=[_("leave on"), _("transfers"), _("amount"), _("from account"), _("state")],
        rows=[
            [
                render.day(each.on) if each.on is not None else _("not known"),
                _transfers(each),
                render.money(each.amount, each.currency),
                each.iban or render.NOTHING,
                _state(each),
            ]
            for each in found.leaving
        ],
    )


def _transfers(each: Leaving) -> Any:
    """The batch, or the list of those that nobody put into one."""
    text = ngettext("%(count)s transfer", "%(count)s transfers", each.transfers) % {"count": each.transfers}
    if each.batch_id is not None:
        return link(each.batch_id, text)
    return list_link(BankTransfer, text, state="all") if each.ordered else list_link(BankTransfer, text)


def _state(each: Leaving) -> Any:
    if each.overdue:
        return render.label(_("ordered, and not at the bank yet"), "danger")
    if each.ordered:
        return render.label(_("ordered"), "success")
    return render.label(_("waits for a second person") if each.batch_id else _("nobody has ordered it yet"), "warning")


def _behind(owed: OwedBy) -> Section:
    """What makes up the figures of one account, by the day on which it is expected."""
    return Section(
        id=_anchor(owed),
        title=f"{owed.account.name} {owed.currency}",
        columns=[_("expected on"), _("from"), _("amount"), _("expected fees"), _("net"), _("overdue")],
        rows=[
            [
                render.day(each.on) if each.on is not None else _("not known"),
                _origin(owed, each),
                render.money(each.amount, owed.currency),
                render.money(each.fees, owed.currency),
                render.money(each.net, owed.currency),
                render.label(_("overdue"), "danger") if each.overdue else render.NOTHING,
            ]
            for each in owed.expected
        ],
    )


def _origin(owed: OwedBy, each: Expected) -> Any:
    """The list behind a figure: the payout, or the payments of a day."""
    if each.payout is not None:
        return row_link(each.payout, _("payout %(reference)s") % {"reference": each.payout.reference})
    assert each.sold_on is not None
    day = each.sold_on.isoformat()
    return list_link(
        Payment,
        _("sales and settlements of %(day)s") % {"day": render.day(each.sold_on)},
        provider_account__id__exact=owed.account.id,
        business_day_from=day,
        business_day_to=day,
    )


def _takes(delay: Delay) -> str:
    if delay.bank_days is None:
        return _("not known: enter it with the provider account")
    words = {"days": delay.bank_days, "payouts": delay.payouts}
    if delay.source == "payouts":
        return _("bank days: %(days)s, as in the last %(payouts)s payouts") % words
    return _("bank days: %(days)s, by the contract") % words


def _anchor(owed: OwedBy) -> str:
    return f"of-{owed.account.id}-{owed.currency}"


def _anchored(owed: OwedBy, amount: int) -> Any:
    """A figure that leads to what it is made of, further down."""
    figure = open_page_link(f"#{_anchor(owed)}", render.amount(amount, owed.currency))
    return format_html('<span class="ot-amount">{}</span>', figure)


def _fees(merchant: Merchant) -> list[Section]:
    return [_of_account(account, rates) for account, rates in by_account(fee_rates(merchant))]


def _of_account(account: ProviderAccount, rates: Sequence[FeeRate]) -> Section:
    return Section(
        id=f"of-{account.id}",
        title=account.name,
        columns=[
            *(_("method"), _("card brand"), _("sales"), _("sold"), _("fees"), _("VAT on fees"), _("rate")),
            *(_("contract"), _("by the contract"), _("behind it")),
        ],
        rows=[[*_sold(rate), *_charged(rate), *_by_contract(rate), _settlements(account)] for rate in rates],
    )


def _sold(rate: FeeRate) -> list[Any]:
    row = rate.charged
    return [
        str(Method(row.method).label) if row.method in Method.values else row.method or render.NOTHING,
        render.brand(row.brand) if row.brand else render.NOTHING,
        formats.number_format(row.sales, force_grouping=True),
        render.money(row.gross, row.currency),
    ]


def _charged(rate: FeeRate) -> list[Any]:
    row = rate.charged
    return [render.money(row.fee, row.currency), render.money(row.vat, row.currency), _percent(rate.effective)]


def _by_contract(rate: FeeRate) -> list[Any]:
    if rate.agreed is None:
        return [_("no rate entered"), render.NOTHING]
    fixed = render.amount(rate.agreed.get("fixed", 0), rate.charged.currency)
    agreed = f"{fixed} + {_percent(rate.agreed.get('basis_points', 0))}"
    return [agreed, render.money(rate.agreed_fee, rate.charged.currency)]


def _settlements(account: ProviderAccount) -> Any:
    return list_link(Settlement, _("settlements"), provider_account__id__exact=account.id)


def _percent(basis_points: int) -> str:
    return f"{formats.number_format(basis_points / 100, 2)} %"
