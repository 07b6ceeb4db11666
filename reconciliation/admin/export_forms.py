"""The forms of exports: a new one, and how accounts are called in the accountant's software."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from django import forms
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from payments.admin.base.links import row_link
from payments.ledger.models import Account
from payments.models import Channel, Merchant
from payments.queries import books
from reconciliation import registry
from reconciliation.models import ExportSchedule
from reconciliation.services import sftp
from reconciliation.services.account_mapping import MappedAccount

KINDS: Final[dict[str, Any]] = {
    "journal_csv": gettext_lazy("Journal as CSV"),
    "journal_xlsx": gettext_lazy("Journal as Excel"),
    "camt053": gettext_lazy("Statement of an account, CAMT.053"),
    "mt940": gettext_lazy("Statement of an account, MT940"),
    "xaf32": gettext_lazy("Audit file, XAF 3.2"),
    "xaf40": gettext_lazy("Audit file, XAF 4.0"),
    "hledger": "hledger",
    "beancount": "beancount",
}
PROFILES: Final[dict[str, Any]] = {
    "generic": gettext_lazy("any software"),
    "exact": "Exact Online",
    "twinfield": "Twinfield",
    "snelstart": "SnelStart",
    "afas": "AFAS",
    "eboekhouden": "e-Boekhouden",
    "moneybird": "Moneybird",
    "xero": "Xero",
}


def _last_month() -> dt.date:
    """Its last day: what is exported most."""
    return timezone.localdate().replace(day=1) - dt.timedelta(days=1)


class WhatForm(forms.Form):
    """What both an export and a schedule ask: whose books, and as what."""

    merchant = forms.ModelChoiceField(
        Merchant.objects.none(), label=gettext_lazy("merchant"), widget=UnfoldAdminSelectWidget
    )
    kind = forms.ChoiceField(label=gettext_lazy("kind"), widget=UnfoldAdminSelectWidget)
    profile = forms.ChoiceField(
        label=gettext_lazy("columns of"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Of a journal."),
    )
    account = forms.ChoiceField(
        label=gettext_lazy("account"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Of a statement: what a provider holds for you, as a bank would tell it."),
    )

    def __init__(self, *args: Any, merchants: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.label = capfirst(field.label)
        own: dict[str, Any] = self.fields
        own["merchant"].queryset = merchants
        if len(only := list(merchants[:2])) == 1:  # no question where there is one answer
            own["merchant"].initial = only[0]
        own["kind"].choices = [(code, KINDS.get(code, code)) for code in registry.export_kinds()]
        own["profile"].choices = list(PROFILES.items())
        own["account"].choices = [("", _("none")), *_statement_accounts(merchants)]


def _statement_accounts(merchants: Any) -> list[tuple[str, str]]:
    rows = Account.objects.filter(merchant_id__in=merchants.values("id"), code__startswith="receivable:")
    known = list(rows.order_by("code").values_list("code", "id", "currency"))
    names = books.names({code for code, _id, _currency in known})
    return [(account_id, f"{names[code]} {currency}") for code, account_id, currency in known]


class ExportForm(WhatForm):
    """One export."""

    first = forms.DateField(
        label=gettext_lazy("from"), widget=UnfoldAdminDateWidget, initial=lambda: _last_month().replace(day=1)
    )
    last = forms.DateField(label=gettext_lazy("to"), widget=UnfoldAdminDateWidget, initial=_last_month)

    currency = forms.ChoiceField(
        label=gettext_lazy("currency"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("The merchant's own, if none is chosen."),
    )
    channel = forms.ModelChoiceField(
        Channel.objects.none(),
        label=gettext_lazy("channel"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Of a journal: the entries of one channel alone."),
    )

    def __init__(self, *args: Any, merchants: Any, **kwargs: Any) -> None:
        super().__init__(*args, merchants=merchants, **kwargs)
        own: dict[str, Any] = self.fields
        booked = Account.objects.filter(merchant_id__in=merchants.values("id"))
        currencies = sorted(set(booked.values_list("currency", flat=True)))
        own["currency"].choices = [("", _("none")), *((code, code) for code in currencies)]
        own["channel"].queryset = Channel.objects.filter(merchant__in=merchants).order_by("name")

    def clean(self) -> dict[str, Any]:
        """A channel is its merchant's own."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        channel, merchant = given.get("channel"), given.get("merchant")
        if channel is not None and merchant is not None and channel.merchant_id != merchant.id:
            self.add_error("channel", _("This channel is another merchant's."))
        return given


class _TypedOnce(UnfoldAdminTextareaWidget):
    """A secret of several lines, which is not shown again."""

    def format_value(self, value: Any) -> str:
        return ""


class ScheduleForm(WhatForm):
    """An export that is made again and again."""

    every = forms.ChoiceField(
        label=gettext_lazy("how often"), choices=ExportSchedule.Every.choices, widget=UnfoldAdminSelectWidget
    )
    delivery = forms.ChoiceField(
        label=gettext_lazy("handed over"), choices=ExportSchedule.Delivery.choices, widget=UnfoldAdminSelectWidget
    )
    email = forms.EmailField(
        label=gettext_lazy("e-mail address"), required=False, max_length=254, widget=UnfoldAdminTextInputWidget
    )
    host = forms.CharField(
        label=gettext_lazy("server"), required=False, max_length=253, widget=UnfoldAdminTextInputWidget
    )
    port = forms.IntegerField(
        label=gettext_lazy("port"),
        required=False,
        min_value=1,
        max_value=65_535,
        initial=sftp.PORT,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    user = forms.CharField(
        label=gettext_lazy("user name"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget
    )
    folder = forms.CharField(
        label=gettext_lazy("folder"), required=False, max_length=255, widget=UnfoldAdminTextInputWidget
    )
    # Never shown again: they are typed once the server's key is confirmed.
    password = forms.CharField(
        label=gettext_lazy("password"),
        required=False,
        max_length=200,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )
    private_key = forms.CharField(
        label=gettext_lazy("or private key"),
        required=False,
        max_length=20_000,
        widget=_TypedOnce({"rows": 3, "autocomplete": "off"}),
    )
    host_key = forms.CharField(required=False, max_length=2_000, widget=forms.HiddenInput)

    @property
    def by_sftp(self) -> bool:
        """Whether a server is meant."""
        return bool(self.cleaned_data.get("delivery") == ExportSchedule.Delivery.SFTP)

    def server(self) -> sftp.Server:
        """The server as the person entered it; its key as it was shown and confirmed."""
        given = self.cleaned_data
        names = ("host", "user", "folder", "password", "private_key", "host_key")
        return sftp.Server(port=given["port"] or sftp.PORT, **{name: given[name] for name in names})


class AccountForm(forms.Form):
    """How one account is called outside; each of a page has a prefix of its own."""

    NAMES: ClassVar[tuple[str, ...]] = ("code", "name", "journal", "vat_code", "number")
    # Characters, so that what stands in them is read without scrolling in them.
    WIDTHS: ClassVar[dict[str, int]] = {"code": 8, "name": 32, "journal": 6, "vat_code": 6, "number": 30}

    code = forms.CharField(label=gettext_lazy("code"), required=False, max_length=16)
    name = forms.CharField(label=gettext_lazy("name"), required=False, max_length=100)
    journal = forms.CharField(label=gettext_lazy("journal"), required=False, max_length=6)
    vat_code = forms.CharField(label=gettext_lazy("VAT code"), required=False, max_length=20)
    number = forms.CharField(label=gettext_lazy("number on statements"), required=False, max_length=34)

    def __init__(self, data: Any, *, account: MappedAccount, position: int) -> None:
        shown = {name: getattr(account, name) for name in self.NAMES}
        super().__init__(data, prefix=str(position), initial=shown)
        self.account = account
        for name, field in self.fields.items():
            label = f"{capfirst(field.label)}, {account.title}"
            field.widget = UnfoldAdminTextInputWidget(attrs={"aria-label": label, "size": self.WIDTHS[name]})
            field.widget.is_required = False
            self.fields[name] = field

    @property
    def chosen_here(self) -> str | SafeString:
        """The way to what the merchant chose, and who chose it."""
        return row_link(self.account.row, _("your own"))

    def changes(self) -> dict[str, str]:
        """What the person typed otherwise."""
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def cells(self) -> Iterator[Any]:
        """The inputs, in the order of the columns."""
        return (self[name] for name in self.NAMES)
