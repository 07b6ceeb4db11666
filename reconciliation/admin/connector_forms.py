"""The forms by which a connector is added, changed and signed in to."""

from typing import Any, Final

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from payments.admin.base.error_messages import explain
from payments.admin.base.forms import ActionForm
from payments.core.errors import OnetillError
from payments.models import Merchant
from payments.people.models import User
from payments.text.form_fields import DayField
from reconciliation import registry
from reconciliation.models import Connector
from reconciliation.services import connector_access, connector_sign_in

SETTINGS: Final[dict[str, Any]] = {
    "administration": _("administration"),
    "debtors": _("account of the debtors"),
    "division": _("division"),
    "invoices": _("invoices that orders name"),
    "journal": _("journal"),
    "positive": _("a positive amount is"),
    "tenant": _("tenant"),
}
CREDENTIALS: Final[dict[str, Any]] = {
    "token": _("personal token"),
    "client_id": _("id of the application"),
    "client_secret": _("secret of the application"),
    "client_key": _("key of the administration"),
    "subscription_key": _("subscription key"),
    "access_token": _("API token"),
}
CHOICES: Final[dict[str, Any]] = {
    "debit": _("debit"),
    "credit": _("credit"),
    "leave": _("are left alone"),
    "pay": _("are marked as paid"),
}


def package_name(kind: str) -> str:
    """The name of a package."""
    known = registry.connectors()
    return known[kind].name if kind in known else kind


def _text(label: Any, **more: Any) -> forms.CharField:
    return forms.CharField(label=capfirst(label), **{"max_length": 100, "widget": UnfoldAdminTextInputWidget, **more})


def _days() -> forms.ChoiceField:
    return forms.ChoiceField(label=capfirst(_("sent")), choices=Connector.Days.choices, widget=UnfoldAdminSelectWidget)


class PackageFields(forms.Form):
    """The settings and credentials of one package; of credentials that stand nothing is shown."""

    def add_package(self, kind: str, *, new: bool, settings: dict[str, str]) -> None:
        """Have its fields."""
        able = registry.connectors()[kind].capabilities
        for one in able.settings:
            name, label = f"setting_{one.name}", SETTINGS[one.name]
            if one.choices:
                self.fields[name] = forms.ChoiceField(
                    label=capfirst(label),
                    required=one.required,
                    choices=[(choice, CHOICES[choice]) for choice in one.choices],
                    widget=UnfoldAdminSelectWidget,
                )
            else:
                self.fields[name] = _text(label, required=one.required)
            self.fields[name].initial = settings.get(one.name, one.default)
        for secret in able.credentials:
            self.fields[f"secret_{secret.name}"] = _text(
                CREDENTIALS[secret.name],
                required=new and secret.required,
                max_length=4000,
                widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
                help_text="" if new else _("Empty: the one that stands stays."),
            )

    def part(self, prefix: str) -> dict[str, str]:
        """What was entered of settings or of secrets, by their names."""
        return {
            name.removeprefix(prefix): value
            for name, value in self.cleaned_data.items()
            if name.startswith(prefix) and value
        }


class NewConnectorForm(PackageFields):
    """A new connector to one package."""

    def __init__(self, *args: Any, merchants: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose: Any = forms.ModelChoiceField(merchants, label=capfirst(_("merchant")), widget=UnfoldAdminSelectWidget)
        if len(merchants) == 1:
            choose.initial = merchants[0]
        self.fields["merchant"] = choose
        self.fields["name"] = _text(_("name"), initial=registry.connectors()[kind].name)
        self.add_package(kind, new=True, settings={})
        if registry.connectors()[kind].capabilities.statements:
            self.fields["sends"] = forms.ChoiceField(
                label=capfirst(_("what is sent")),
                choices=Connector.Sends.choices,
                widget=UnfoldAdminSelectWidget,
                help_text=_("Statements are for matching open invoices there; they take the place of journals."),
            )
        self.fields["days"] = _days()
        self.fields["starts_on"] = DayField(
            label=capfirst(_("from the book date")),
            required=False,
            widget=UnfoldAdminTextInputWidget,
            help_text=_("Empty: today. What was booked earlier is not sent."),
        )

    def given(self) -> dict[str, Any]:
        """What was entered, as the service takes it."""
        merchant: Merchant = self.cleaned_data["merchant"]
        return {
            "merchant": merchant,
            **{name: self.cleaned_data[name] for name in ("name", "days", "starts_on")},
            "sends": self.cleaned_data.get("sends", Connector.Sends.JOURNALS),
            "settings": self.part("setting_"),
            "credentials": self.part("secret_"),
        }


class ChangeForm(ActionForm):
    """What a person changes alone."""

    def __init__(self, *args: Any, row: Connector, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        self.fields["name"] = _text(_("name"), initial=row.name)
        self.fields["days"] = _days()
        self.fields["days"].initial = row.days


class AccessForm(ActionForm, PackageFields):
    """Where the books go, and by which credentials."""

    def __init__(self, *args: Any, row: Connector, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        self.add_package(row.kind, new=False, settings=row.settings)


class SignInForm(ActionForm):
    """The first step leads to a page with the way to the package: a browser follows no form to another site."""

    address: str = ""

    def complete(self) -> bool:
        """Begin the sign-in; the page is shown again, with the link."""
        try:
            self.address = connector_sign_in.begin(self.row, user=self.user)
        except OnetillError as refusal:
            self.add_error(None, explain(refusal))
        return False

    @property
    def package(self) -> str:
        """The name of the package."""
        return connector_access.connector_of(self.row).name


class MarkSentForm(ActionForm):
    """What a person found in the package."""

    remote_id = _text(_("its number or id there"))
