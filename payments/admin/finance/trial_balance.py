"""The trial balance: every account on a day, also as it was known on a later one, each leading to its postings."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.base import render
from payments.admin.base.access import can, person, whole_merchants
from payments.admin.base.forms import OfMerchantForm
from payments.admin.base.page import Section
from payments.admin.finance.sales import DayInput
from payments.ledger import balances
from payments.ledger.balances import AccountBalance
from payments.ledger.models import Account
from payments.models import Merchant
from payments.people.permissions import May
from payments.queries import books
from payments.text.form_fields import DayField


class BalanceForm(OfMerchantForm):
    """Whose books, up to which day, and as they were known at the end of which day."""

    date = DayField(label=gettext_lazy("balance at"), widget=DayInput)
    known = DayField(label=gettext_lazy("as known on (empty: now)"), widget=DayInput, required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if given.get("date") and given.get("known") and given["known"] < given["date"]:
            self.add_error("known", _("Choose a day on or after the day of the balance."))
        return given


def page(request: HttpRequest) -> HttpResponse:
    """One table for each currency, whose two sides are equal."""
    if not can(request, May.SEE_BOOKS):
        raise PermissionDenied
    own = list(whole_merchants(person(request), May.SEE_BOOKS).order_by("-mode", "name"))
    form = BalanceForm({**_usual(own), **request.GET.dict()}, own)
    found = _sections(form.cleaned_data, own) if own and form.is_valid() else []
    shown = {"title": _("Trial balance"), "form": form, "sections": found, "empty": _("Nothing was booked by then.")}
    return TemplateResponse(request, "payments/admin/figures.html", {**admin.site.each_context(request), **shown})


def end_of(day: date, merchant: Merchant) -> datetime:
    """The moment at which a day ends on the merchant's clocks."""
    return datetime.combine(day + timedelta(days=1), time(), merchant.zone)


def _usual(own: Sequence[Merchant]) -> dict[str, str]:
    """Today, of the first merchant."""
    return {"merchant": own[0].id, "date": own[0].business_day(timezone.now()).isoformat()} if own else {}


def _sections(given: dict[str, Any], own: Sequence[Merchant]) -> list[Section]:
    merchant = next(row for row in own if row.id == given["merchant"])
    known_at = end_of(given["known"], merchant) if given.get("known") else None
    rows = balances.trial_balance(merchant.id, given["date"], known_at)
    names = books.names({row.code for row in rows})
    title = _("At %(day)s") % {"day": render.day(given["date"])}
    if known_at is not None:
        title = _("At %(day)s, as known at the end of %(known)s") % {
            "day": render.day(given["date"]),
            "known": render.day(given["known"]),
        }
    currencies = sorted({row.currency for row in rows})
    return [
        _section(title, currency, [row for row in rows if row.currency == currency], names) for currency in currencies
    ]


def _section(title: str, currency: str, rows: Sequence[AccountBalance], names: dict[str, str]) -> Section:
    def money(amount: int) -> Any:
        return render.money(amount, currency) if amount else ""

    kinds = dict(Account.Kind.choices)
    return Section(
        id=f"balance-{currency}",
        title=f"{title} ({currency})",
        columns=[_("account"), _("kind"), _("debit"), _("credit")],
        rows=[
            [render.link(row.id, names[row.code]), kinds[row.kind], money(row.debit), money(row.credit)] for row in rows
        ],
        totals=[
            _("all"),
            "",
            render.money(sum(row.debit for row in rows), currency),
            render.money(sum(row.credit for row in rows), currency),
        ],
    )
