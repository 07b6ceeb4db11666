"""What a customer may say on the pay page."""

from typing import Any

from django import forms

from payments.models import PaymentLink
from payments.text.form_fields import AmountField


class PayForm(forms.Form):
    """A method, an amount where the link leaves it open, and a voucher's code where one is spent."""

    attempt = forms.RegexField(r"^[0-9a-f]{32}$")
    method = forms.CharField(max_length=16)
    voucher_code = forms.CharField(max_length=40, required=False)

    def __init__(self, data: Any = None, *, link: PaymentLink, is_open: bool) -> None:
        super().__init__(data)
        if is_open:
            self.fields["amount"] = AmountField(currency=link.currency, max_length=20)

    @property
    def minor(self) -> int | None:
        """The amount chosen, in minor units."""
        chosen: int | None = self.cleaned_data.get("amount")
        return chosen
