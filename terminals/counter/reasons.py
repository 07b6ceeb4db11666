"""Why something comes back: one of the merchant's own reasons, or in other words."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from payments.models import Merchant, Refund, RefundReason
from terminals.counter.desk import Desk
from terminals.counter.forms import WordsField

AT_MOST = 8  # of what was typed before


class ReasonForm(forms.Form):
    """A form that asks for a reason: touched, where the merchant has a list, or typed."""

    reason_code = forms.ChoiceField(required=False)
    reason = WordsField(max_length=200, required=False)

    def __init__(self, data: Any = None, *, merchant: Merchant) -> None:
        super().__init__(data)
        known = RefundReason.objects.filter(merchant=merchant, active=True).order_by("code")
        self.known = [(row.code, str(row)) for row in known]
        codes: Any = self.fields["reason_code"]
        codes.choices = [("", ""), *self.known]

    def clean(self) -> dict[str, Any]:
        """One of both; the code, where one was touched."""
        given: dict[str, Any] = super().clean() or {}
        given["reason"] = given.get("reason_code") or given.get("reason", "")
        if not given["reason"] and "reason" not in self.errors:
            self.add_error("reason", _("Say why it comes back."))
        return given


def in_words(merchant: Merchant, reason: str) -> str:
    """A reason in words: a code of the merchant's list by its name."""
    row = RefundReason.objects.filter(merchant=merchant, code=reason).first()
    return reason if row is None else str(row)


def typed_before(desk: Desk) -> list[str]:
    """What was typed before in this store, the latest first."""
    rows = Refund.objects.filter(merchant=desk.merchant, channel=desk.channel, reported=False, reason_code="")
    return list(dict.fromkeys(rows.order_by("-id").values_list("reason", flat=True)[:100]))[:AT_MOST]
