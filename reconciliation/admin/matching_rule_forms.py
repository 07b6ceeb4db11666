"""The rows of the page on which matching rules are changed, and rules as people read them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django import forms
from django.utils import formats
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from payments.admin.base import render
from payments.admin.base.forms import AmountField, in_major_units
from reconciliation.models import MatchingRule
from reconciliation.services.matching_rules import TOLERANT, USUAL, WINDOWS, RuleSetting

_BASIS_POINTS: Final = 100  # to a per cent
EXPLAINED: Final[dict[str, Any]] = {
    "operation": gettext_lazy("our operation's id stands in the line"),
    "reference": gettext_lazy("the provider's name for the movement"),
    "card_present": gettext_lazy("TID, RRN, STAN and authorization code of a terminal, with amount and sign"),
    "payment": gettext_lazy("the provider's name for the payment, with the exact amount"),
    "order": gettext_lazy("your order number with the amount, where one sale alone can be meant"),
    "payment_only": gettext_lazy("the provider's name for the payment, whatever the amount"),
    "parts": gettext_lazy("several lines that add up to one sale are its parts"),
    "amount_day_card": gettext_lazy("the last four digits of the card with amount and day, where one sale alone fits"),
    "day_total": gettext_lazy("one line is all that a terminal sold on its day and the days before it"),
    "batch": gettext_lazy("the lines of a terminal's day are together all that it sold then"),
    "payout_set": gettext_lazy("one line of the bank is several payouts that come to its amount"),
    "payout_parts": gettext_lazy("several lines of the bank that name one payout are its parts"),
    "payout_batch": gettext_lazy("lines of a provider that are together exactly all the payouts it owes, or they name"),
}


class PercentField(forms.CharField):
    """A share such as `0,5`, in basis points."""

    def clean(self, value: Any) -> int | None:
        text = super().clean(value).removesuffix("%").strip().replace(",", ".")
        if not text:
            return None
        try:
            share = Decimal(text) * _BASIS_POINTS
        except InvalidOperation:
            raise forms.ValidationError(_("Write a percentage such as %(one)s.") % {"one": percent(50)}) from None
        if share != int(share):
            raise forms.ValidationError(_("A percentage has at most two decimals."))
        return int(share)


class RuleForm(forms.Form):
    """One rule of an account; each of a page has its name as prefix."""

    enabled = forms.BooleanField(label=gettext_lazy("on"), required=False)
    priority = forms.IntegerField(label=gettext_lazy("order"), min_value=1, max_value=len(USUAL))
    window_days = forms.IntegerField(label=gettext_lazy("days around it"), required=False, min_value=0)
    tolerance = AmountField(label=gettext_lazy("tolerance"), required=False)
    tolerance_basis_points = PercentField(label=gettext_lazy("at most, in %"), required=False, max_length=8)
    reason = forms.ChoiceField(
        label=gettext_lazy("booked as"), required=False, choices=[("", "–"), *MatchingRule.Reason.choices]
    )

    own: Any = ""  # the way to the page of the rule, where the account has it

    def __init__(self, data: Any, *, setting: RuleSetting, currency: str) -> None:
        super().__init__(data, prefix=setting.rule, initial=_shown(setting, currency))
        self.rule = setting.rule
        self.title = capfirst(MatchingRule.Rule(setting.rule).label)
        self.explained = EXPLAINED[setting.rule]
        if setting.rule not in TOLERANT:
            for name in ("tolerance", "tolerance_basis_points", "reason"):
                del self.fields[name]
        else:
            self.fields["tolerance"].currency = currency  # type: ignore[attr-defined]
        if setting.rule not in WINDOWS:
            del self.fields["window_days"]
        for field in self.fields.values():
            field.widget = _widget(field, f"{capfirst(field.label)}, {self.title}")

    def setting(self) -> RuleSetting:
        """The rule as the person set it."""
        given: dict[str, Any] = {name: self.cleaned_data.get(name) for name in RuleForm.base_fields}
        given |= {"tolerance": given["tolerance"] or 0, "reason": given["reason"] or ""}
        return RuleSetting(rule=self.rule, **given)

    def cells(self) -> Iterator[Any]:
        """The inputs in the order of the columns; None where the rule has no such setting."""
        return (self[name] if name in self.fields else None for name in RuleForm.base_fields)


def percent(basis_points: int) -> str:
    """A share as one would type it into a `PercentField`."""
    return formats.number_format((Decimal(basis_points) / _BASIS_POINTS).normalize(), use_l10n=True)


def columns() -> list[str]:
    """The names of what a rule is set to, as the page and the second person read them."""
    return [str(field.label) for field in RuleForm.base_fields.values()]


def written(setting: RuleSetting, currency: str) -> list[Any]:
    """What a rule is set to, in the order of `columns`."""
    share = setting.tolerance_basis_points
    return [
        _("yes") if setting.enabled else _("no"),
        setting.priority,
        render.NOTHING if setting.window_days is None else setting.window_days,
        render.amount(setting.tolerance, currency) if setting.tolerance else render.NOTHING,
        render.NOTHING if share is None else f"{percent(share)} %",
        MatchingRule.Reason(setting.reason).label if setting.reason else render.NOTHING,
    ]


def forms_of(data: Any, rules: Sequence[RuleSetting], currency: str) -> list[RuleForm]:
    """One form for each rule."""
    return [RuleForm(data, setting=one, currency=currency) for one in rules]


def _shown(setting: RuleSetting, currency: str) -> dict[str, Any]:
    share = setting.tolerance_basis_points
    return {
        "enabled": setting.enabled,
        "priority": setting.priority,
        "window_days": setting.window_days,
        "tolerance": in_major_units(setting.tolerance, currency) if setting.tolerance else "",
        "tolerance_basis_points": "" if share is None else percent(share),
        "reason": setting.reason,
    }


def _widget(field: forms.Field, label: str) -> Any:
    if isinstance(field, forms.BooleanField):
        return forms.CheckboxInput(attrs={"aria-label": label})
    if isinstance(field, forms.ChoiceField):
        return UnfoldAdminSelectWidget(attrs={"aria-label": label}, choices=field.choices)
    if isinstance(field, forms.IntegerField):
        return UnfoldAdminIntegerFieldWidget(attrs={"aria-label": label, "min": field.min_value, "size": 4})
    return UnfoldAdminTextInputWidget(attrs={"aria-label": label, "size": 8, "inputmode": "decimal"})
