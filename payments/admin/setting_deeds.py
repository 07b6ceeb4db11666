"""What may be set: of a merchant, a channel, a provider account."""

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
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from payments.admin.deeds import Deed
from payments.admin.forms import AmountField, DeedForm, in_major_units
from payments.admin.user_deeds import INVITE
from payments.models import Channel, Merchant, ProviderAccount
from payments.models.refund import Route
from payments.people.models import Approval, User
from payments.people.permissions import May
from payments.services import amend, decide_alone, onboard
from payments.services.setting_approvals import request_provider_account


def text(label: Any, **more: Any) -> forms.CharField:
    """A line of text."""
    return forms.CharField(**{"label": label, "max_length": 200, "widget": UnfoldAdminTextInputWidget, **more})


def switch(label: Any) -> forms.BooleanField:
    """Yes or no."""
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanSwitchWidget)


_LIMITS: Final = ("second_person_above", "second_person_above_daily")
_AS_THEY_ARE: Final = ("refund_fallback", "address", "registration_number", "vat_number", "mail_receipts")


class MerchantForm(DeedForm):
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
    refund_fallback = forms.ChoiceField(
        label=gettext_lazy("refunds without another way back"),
        choices=Merchant.RefundFallback.choices,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Of a card read at a terminal, for one, when neither card nor bank account is there."),
    )
    address = text(gettext_lazy("address on receipts"), required=False, widget=UnfoldAdminTextareaWidget({"rows": 3}))
    registration_number = text(gettext_lazy("trade register number (KvK)"), max_length=20, required=False)
    vat_number = text(gettext_lazy("VAT number"), max_length=20, required=False)
    mail_receipts = switch(gettext_lazy("receipts by e-mail"))

    def __init__(self, *args: Any, row: Merchant, user: User, **kwargs: Any) -> None:
        initial = {
            "name": row.name,
            "iban": row.iban,
            "cash_rounding": row.cash_rounding,
            **{name: _typed(getattr(row, name), row.currency) for name in _LIMITS},
            **{name: getattr(row, name) for name in _AS_THEY_ARE},
        }
        super().__init__(*args, row=row, user=user, initial=initial, **kwargs)
        for name in _LIMITS:
            limit: Any = self.fields[name]
            limit.currency = row.currency


def _typed(limit: int | None, currency: str) -> str:
    return "" if limit is None else in_major_units(limit, currency)


class ChannelForm(DeedForm):
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


class NewChannelForm(DeedForm):
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


class AccountForm(DeedForm):
    """What of a contract can be changed."""

    name = text(gettext_lazy("name"))
    external_id = text(gettext_lazy("account or MID at the provider"), max_length=100, required=False)
    bank_iban = text(gettext_lazy("pays out to IBAN"), max_length=42, required=False)
    fee_rates = JsonField(kind=list, label=gettext_lazy("fee rates"), help_text=gettext_lazy("A list in JSON."))
    default = switch(gettext_lazy("used when none is named"))
    active = switch(gettext_lazy("active"))
    credentials = CredentialsField()

    def __init__(self, *args: Any, row: ProviderAccount, user: User, **kwargs: Any) -> None:
        names = ("name", "external_id", "bank_iban", "default", "active")
        rates = json.dumps(row.fee_rates, ensure_ascii=False) if row.fee_rates else ""
        initial = {**{name: getattr(row, name) for name in names}, "fee_rates": rates}
        super().__init__(*args, row=row, user=user, initial=initial, **kwargs)

    def clean_default(self) -> bool:
        """Another account takes the place; it is not left empty."""
        return bool(self.cleaned_data["default"] or self.row.default)


class NewAccountForm(DeedForm):
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


def credential_names(row: ProviderAccount) -> list[str]:
    """What secrets are set, by their names."""
    return sorted(json.loads(row.credentials or "{}"))


def _change_merchant(*, user: User, row: Merchant, form: Any) -> str:
    return _told(amend.amend_merchant(row, changes=form.cleaned_data, actor=user))


def _change_channel(*, user: User, row: Channel, form: Any) -> str:
    return _told(amend.amend_channel(row, changes=form.cleaned_data, actor=user))


def _change_account(*, user: User, row: ProviderAccount, form: Any) -> str:
    changes = {name: value for name, value in form.cleaned_data.items() if name != "credentials"}
    return _told(
        amend.amend_provider_account(row, changes=changes, credentials=form.cleaned_data["credentials"], actor=user)
    )


def _new_channel(*, user: User, row: Merchant, form: Any) -> str:
    given = form.cleaned_data
    made = onboard.create_channel(
        merchant=row, kind=given["kind"], name=given["name"], namespace=given["namespace"] or None, actor=user
    )
    return _("%(name)s is open.") % {"name": made.name}


def _new_account(*, user: User, row: Merchant, form: Any) -> str:
    made = request_provider_account(merchant=row, actor=user, **form.cleaned_data)
    return _told(made) if isinstance(made, Approval) else _("%(name)s is added.") % {"name": made.name}


def _decide_alone(*, user: User, row: Merchant, form: Any) -> str:
    return _told(decide_alone.switch(row, on=row.decides_alone_from is None, actor=user))


def _told(waiting: Approval | None) -> str:
    if waiting is None:
        return _("Saved.")
    return _("Nothing is changed yet: this waits for a second person.")


def _of_merchant(row: Merchant) -> tuple[str, str | None]:
    return row.id, None


def _of_all(row: Channel | ProviderAccount) -> tuple[str, str | None]:
    return row.merchant_id, None


_CHANGE = gettext_lazy("Change")
OF_MERCHANT = (
    Deed(
        name="set",
        title=_CHANGE,
        needs=May.MANAGE_SETTINGS,
        form=MerchantForm,
        act=_change_merchant,
        where=_of_merchant,
        second_factor=True,
    ),
    Deed(
        name="add-channel",
        title=gettext_lazy("Add a channel"),
        needs=May.MANAGE_SETTINGS,
        form=NewChannelForm,
        act=_new_channel,
        where=_of_merchant,
    ),
    Deed(
        name="add-account",
        title=gettext_lazy("Add a provider account"),
        needs=May.MANAGE_SETTINGS,
        form=NewAccountForm,
        act=_new_account,
        where=_of_merchant,
        second_factor=True,
    ),
    Deed(
        name="decide-alone",
        title=gettext_lazy("Let one person decide alone"),
        explanation=gettext_lazy(
            "For a shop of one. Where nobody else has a role that could agree, the person who asks may decide about "
            "their own requests. It stands on every page of the admin and beside each such decision, and the owners "
            "are told. For a live merchant it counts from a day later."
        ),
        needs=May.MANAGE_SETTINGS,
        act=_decide_alone,
        possible=lambda row: row.decides_alone_from is None,
        where=_of_merchant,
        dangerous=True,
        second_factor=True,
    ),
    Deed(
        name="decide-together",
        title=gettext_lazy("Always ask a second person again"),
        needs=May.MANAGE_SETTINGS,
        act=_decide_alone,
        possible=lambda row: row.decides_alone_from is not None,
        where=_of_merchant,
        second_factor=True,
    ),
    INVITE,
)
OF_CHANNEL = (
    Deed(
        name="set",
        title=_CHANGE,
        needs=May.MANAGE_SETTINGS,
        form=ChannelForm,
        act=_change_channel,
        where=_of_all,
        second_factor=True,
    ),
)
OF_ACCOUNT = (
    Deed(
        name="set",
        title=_CHANGE,
        needs=May.MANAGE_SETTINGS,
        form=AccountForm,
        act=_change_account,
        where=_of_all,
        second_factor=True,
    ),
)
