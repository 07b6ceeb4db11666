"""A merchant's own description of a file in columns, by which it is read."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory
from payments.models import Merchant, ProviderAccount
from payments.models.base import ApiObject
from reconciliation.models.bank_account import BankAccount


class FileMapping(ApiObject):
    """One mapping. `definition` is checked before it is stored (`formats/layout.py`), and is what is exported."""

    OBJECT: ClassVar[str] = "file_mapping"

    id = IdField(primary_key=True, default=id_factory("map"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    # One of the two: whose files it describes.
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, null=True, related_name="+", verbose_name=_("provider account")
    )
    bank_account = models.ForeignKey(
        BankAccount, models.PROTECT, null=True, related_name="+", verbose_name=_("bank account")
    )
    name = models.CharField(_("name"), max_length=100)
    definition: models.JSONField[Any, Any] = models.JSONField(_("mapping"))

    class Meta:
        verbose_name = _("file mapping")
        verbose_name_plural = _("file mappings")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "name"], name="file_mapping_name"),
            models.CheckConstraint(
                condition=Q(provider_account__isnull=True) ^ Q(bank_account__isnull=True), name="file_mapping_account"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def account(self) -> ProviderAccount | BankAccount:
        """Whose files it describes."""
        found = self.provider_account or self.bank_account
        assert found is not None, "each has one, by its constraint"
        return found

    @account.setter
    def account(self, account: ProviderAccount | BankAccount) -> None:
        self.provider_account = account if isinstance(account, ProviderAccount) else None
        self.bank_account = account if isinstance(account, BankAccount) else None
