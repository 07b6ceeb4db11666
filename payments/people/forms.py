"""What the pages of signing in ask for."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from payments.people.models import User
from payments.people.services.passwords import LONGEST, StrongPasswordValidator


def _text(**attributes: str) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attrs=attributes)


def _password(complete: str) -> Any:
    return UnfoldAdminPasswordWidget(attrs={"autocomplete": complete})


class SignInForm(forms.Form):
    """A name and a password."""

    username = forms.CharField(
        label=gettext_lazy("E-mail address or user name"),
        max_length=150,
        widget=_text(autocomplete="username", autofocus="", autocapitalize="none"),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"), strip=False, max_length=1_000, widget=_password("current-password")
    )


class CodeForm(forms.Form):
    """Six digits, or a recovery code; their length is looked at before anything else."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=24,
        widget=_text(autocomplete="one-time-code", inputmode="text", autofocus="", autocapitalize="none"),
    )


class PasskeyForm(forms.Form):
    """What the browser made, and what to call it."""

    name = forms.CharField(
        label=gettext_lazy("What to call it, such as “my telephone”"), max_length=60, widget=_text(autofocus="")
    )
    passkey = forms.CharField(max_length=16_000, widget=forms.HiddenInput)


class NewPasswordForm(forms.Form):
    """A password, twice."""

    password = forms.CharField(
        label=gettext_lazy("New password"), strip=False, max_length=LONGEST, widget=_password("new-password")
    )
    password_again = forms.CharField(
        label=gettext_lazy("New password, once more"), strip=False, max_length=LONGEST, widget=_password("new-password")
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["password"].help_text = StrongPasswordValidator().get_help_text()

    def clean_password(self) -> str:
        """It is strong enough."""
        password: str = self.cleaned_data["password"]
        password_validation.validate_password(password, self.user)
        return password

    def clean_password_again(self) -> str:
        """It is the same."""
        again: str = self.cleaned_data["password_again"]
        if "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            raise ValidationError(_("These two differ."))
        return again


class JoinForm(NewPasswordForm, CodeForm):
    """A password and the first code of a new factor."""

    field_order = ("password", "password_again", "code")


class ChangePasswordForm(NewPasswordForm):
    """A new password, by who knows the old one."""

    old_password = forms.CharField(
        label=gettext_lazy("Password until now"), strip=False, max_length=1_000, widget=_password("current-password")
    )
    field_order = ("old_password", "password", "password_again")


class AddressForm(forms.Form):
    """Whose password is forgotten."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "email", "autofocus": ""}),
    )
