"""A merchant's own description of a file in columns, by which it is read."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory
from payments.models import Merchant, ProviderAccount
from payments.models.base import ApiObject


class FileMapping(ApiObject):
    """One mapping. `definition` is checked before it is stored (`formats/layout.py`), and is what is exported."""

    OBJECT: ClassVar[str] = "file_mapping"

    id = IdField(primary_key=True, default=id_factory("map"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, related_name="+", verbose_name=_("provider account")
    )
    name = models.CharField(_("name"), max_length=100)
    definition: models.JSONField[Any, Any] = models.JSONField(_("mapping"))

    class Meta:
        verbose_name = _("file mapping")
        verbose_name_plural = _("file mappings")
        constraints = [models.UniqueConstraint(fields=["merchant", "name"], name="file_mapping_name")]

    def __str__(self) -> str:
        return self.name
