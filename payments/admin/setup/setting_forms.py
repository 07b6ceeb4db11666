"""The forms of settings: merchant, channel, provider account."""

import json
from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from payments.admin.base.forms import ActionForm, AmountField, in_major_units
from payments.models import Channel, Merchant, ProviderAccount
from payments.models.merchant import MOST_PAYOUT_DAYS
from payments.models.refund import Route
from payments.people.models import User
from payments.providers import registry


def text(label: Any, **more: Any) -> forms.CharField:
    """A line of text."""
    return forms.CharField(**{"label": label, "max_length": 200, "widget": UnfoldAdminTextInputWidget, **more})


def switch(label: Any, **more: Any) -> forms.BooleanField:
    """Yes or no."""
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanSwitchWidget, **more)


_LIMITS: Final = ("second_person_above", "second_person_above_daily")
_AS_THEY_ARE: Final = (
    "refund_fallback",
    "allocation",
    "address",
    "registration_number",
    "vat_number",
    "mail_receipts",
    "tie_cards",
    "fiscal_year_start",
)


class MerchantForm(ActionForm):
    """What of a merchant can be changed."""

    name = text(gettext_lazy("name"))
    iban = text("IBAN", max_length=42, required=False)
    cash_rounding = forms.IntegerField(
        label=gettext_lazy("cash rounding"),
        min_value=1,
        max_value=100,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("Cash is rounded to this many minor units; 5 in the Netherlands."),
    )
    second_person_above = AmountField(
        label=gettext_lazy("refunds need a second person above"),
        required=False,
        help_text=gettext_lazy("Empty: never."),
    )
    second_person_above_daily = AmountField(
        label=gettext_lazy("what one person decides alone in a day, at most"),
        required=False,
        help_text=gettext_lazy("Refunds and corrections together, over a business day. Empty: no limit."),
    )
    close_threshold = AmountField(
        label=gettext_lazy("open differences with which a day may still be closed, at most"),
        required=False,
        help_text=gettext_lazy("All of a channel's together. Empty: none."),
    )
    refund_fallback = forms.ChoiceField(
        label=gettext_lazy("refunds without another way back"),
        choices=Merchant.RefundFallback.choices,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Of a card read at a terminal, for one, when neither card nor bank account is there."),
    )
    allocation = forms.ChoiceField(
        label=gettext_lazy("refunds are spread over payments"),
        choices=Merchant.Allocation.choices,
        widget=UnfoldAdminSelectWidget,
    )
    address = text(gettext_lazy("address on receipts"), required=False, widget=UnfoldAdminTextareaWidget({"rows": 3}))
    registration_number = text(gettext_lazy("trade register number (KvK)"), max_length=20, required=False)
    vat_number = text(gettext_lazy("VAT number"), max_length=20, required=False)
    fiscal_year_start = forms.IntegerField(
        label=gettext_lazy("financial year begins in month"),
        min_value=1,
        max_value=12,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("1 is January."),
    )
    mail_receipts = switch(gettext_lazy("receipts by e-mail"))
    tie_cards = switch(
        gettext_lazy("payments by one card are tied"),
        help_text=gettext_lazy(
            "Payments, orders and customers then show what else was paid with the same card. That is personal data: "
            "name it in your privacy statement first."
        ),
    )

    def __init__(self, *args: Any, row: Merchant, user: User, **kwargs: Any) -> None:
        initial = {
            "name": row.name,
            "iban": row.iban,
            "cash_rounding": row.cash_rounding,
            **{name: _typed(getattr(row, name), row.currency) for name in _LIMITS},
            "close_threshold": _typed(row.close_threshold or None, row.currency),
            **{name: getattr(row, name) for name in _AS_THEY_ARE},
        }
        super().__init__(*args, row=row, user=user, initial=initial, **kwargs)
        for name in (*_LIMITS, "close_threshold"):
            limit: Any = self.fields[name]
            limit.currency = row.currency

    def clean_close_threshold(self) -> int:
        """No amount is none: there is always a limit."""
        return self.cleaned_data["close_threshold"] or 0


def _typed(limit: int | None, currency: str) -> str:
    return "" if limit is None else in_major_units(limit, currency)


class ChannelForm(ActionForm):
    """What of a channel can be changed."""

    name = text(gettext_lazy("name"))
    address = text(gettext_lazy("address on receipts"), required=False, widget=UnfoldAdminTextareaWidget({"rows": 3}))
    active = switch(gettext_lazy("active"))
    refund_routes = forms.MultipleChoiceField(
        label=gettext_lazy("refund routes"),
        choices=Route.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("The ways in which this channel may give money back."),
    )

    def __init__(self, *args: Any, row: Channel, user: User, **kwargs: Any) -> None:
        initial = {
            "name": row.name,
            "address": row.address,
            "active": row.active,
            "refund_routes": row.refund_routes or Route.values,
        }
        super().__init__(*args, row=row, user=user, initial=initial, **kwargs)

    def clean_refund_routes(self) -> list[str] | None:
        """None where all are allowed, so that a route to come is too."""
        chosen: list[str] = self.cleaned_data["refund_routes"]
        return None if set(chosen) == set(Route.values) else chosen


class NewChannelForm(ActionForm):
    """A new sales location."""

    name = text(gettext_lazy("name"))
    kind = forms.ChoiceField(label=gettext_lazy("kind"), choices=Channel.Kind.choices, widget=UnfoldAdminSelectWidget)
    namespace = text(
        gettext_lazy("order namespace"),
        max_length=64,
        required=False,
        help_text=gettext_lazy("Channels that share one share their order references; by default each has its own."),
    )


class JsonField(forms.CharField):
    """Text in JSON, of one kind; empty is an empty one."""

    def __init__(self, *, kind: type, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "widget": UnfoldAdminTextareaWidget({"rows": 4}), **kwargs})
        self.kind = kind

    def clean(self, value: Any) -> Any:
        written = super().clean(value)
        try:
            read = json.loads(written) if written else self.kind()
        except ValueError:
            raise ValidationError(_("This is not valid JSON.")) from None
        if not isinstance(read, self.kind):
            raise ValidationError(_("This is valid JSON, but not of the expected form."))
        return read


class CredentialsField(JsonField):
    """Names and secrets, beside those that stand. What stands is never shown."""

    def __init__(self) -> None:
        super().__init__(
            kind=dict,
            label=gettext_lazy("credentials to set"),
            help_text=gettext_lazy('As {"name": "secret"}. Kept encrypted and never shown; the others stay.'),
        )

    def clean(self, value: Any) -> dict[str, str]:
        read: dict[str, Any] = super().clean(value)
        if len(read) > 20 or not all(isinstance(secret, str) and len(secret) <= 4000 for secret in read.values()):
            raise ValidationError(_("Enter at most 20 names, each with a text."))
        return read


_CREDENTIAL: Final = "credential_"


class AccountForm(ActionForm):
    """What of a contract can be changed."""

    name = text(gettext_lazy("name"))
    external_id = text(gettext_lazy("account or MID at the provider"), max_length=100, required=False)
    bank_iban = text(gettext_lazy("pays out to IBAN"), max_length=42, required=False)
    fee_rates = JsonField(kind=list, label=gettext_lazy("fee rates"), help_text=gettext_lazy("A list in JSON."))
    payout_days = forms.IntegerField(
        label=gettext_lazy("bank days from a sale to its payout"),
        min_value=0,
        max_value=MOST_PAYOUT_DAYS,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("As the contract says; what its last payouts took counts before it."),
    )
    default = switch(gettext_lazy("used when none is named"))
    active = switch(gettext_lazy("active"))
    credentials = CredentialsField()

    def __init__(self, *args: Any, row: ProviderAccount, user: User, **kwargs: Any) -> None:
        names = ("name", "external_id", "bank_iban", "payout_days", "default", "active")
        rates = json.dumps(row.fee_rates, ensure_ascii=False) if row.fee_rates else ""
        initial = {**{name: getattr(row, name) for name in names}, "fee_rates": rates}
        super().__init__(*args, row=row, user=user, initial=initial, **kwargs)
        self._name_credentials(row)

    def _name_credentials(self, row: ProviderAccount) -> None:
        """A field for each credential that the provider names, in place of JSON; what stands is never shown."""
        named = registry.provider(row.provider).capabilities.credentials
        kept = json.loads(row.credentials or "{}")
        for one in named:
            self.fields[f"{_CREDENTIAL}{one.name}"] = text(
                one.name,
                max_length=4000,
                required=False,
                help_text=_("It is set; leave this empty to keep it.") if kept.get(one.name) else _("It is not set."),
                widget=UnfoldAdminPasswordWidget if one.secret else UnfoldAdminTextInputWidget,
            )
        if named:
            del self.fields["credentials"]

    def clean(self) -> dict[str, Any]:
        """The credentials that were given, by their own names."""
        given = {name: self.cleaned_data.pop(name) for name in self.fields if name.startswith(_CREDENTIAL)}
        written = {name.removeprefix(_CREDENTIAL): value.strip() for name, value in given.items() if value.strip()}
        return {**self.cleaned_data, "credentials": self.cleaned_data.get("credentials") or written}

    def clean_default(self) -> bool:
        """Another account takes the place; it is not left empty."""
        return bool(self.cleaned_data["default"] or self.row.default)


class NewAccountForm(ActionForm):
    """A new contract."""

    provider = forms.ChoiceField(label=gettext_lazy("provider"), widget=UnfoldAdminSelectWidget)
    name = text(gettext_lazy("name"))
    currency = text(gettext_lazy("settlement currency"), max_length=3, initial="EUR")
    external_id = text(gettext_lazy("account or MID at the provider"), max_length=100, required=False)
    bank_iban = text(gettext_lazy("pays out to IBAN"), max_length=42, required=False)
    credentials = CredentialsField()

    def __init__(self, *args: Any, row: Merchant, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        field: Any = self.fields["provider"]
        field.choices = [(code, code) for code in settings.PROVIDERS]
