"""A bank account of the merchant that no provider pays out to: its statements are imported all the same."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.db.fields import CurrencyField, IdField, id_factory
from payments.models import Merchant
from payments.models.base import ApiObject


class BankAccount(ApiObject):
    """One account at a bank, by its IBAN; savings and rent are paid from such accounts."""

    OBJECT: ClassVar[str] = "bank_account"

    id = IdField(primary_key=True, default=id_factory("bnk"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    iban = models.CharField("IBAN", max_length=34)
    name = models.CharField(_("name"), max_length=200)
    currency = CurrencyField(_("currency"))

    class Meta:
        verbose_name = _("bank account")
        verbose_name_plural = _("bank accounts")
        constraints = [models.UniqueConstraint(fields=["merchant", "iban", "currency"], name="bank_account_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.iban}"
