"""Who buys: as little as recognizing them takes, beside the ledger and never in it."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory


class Customer(models.Model):
    """One buyer of one merchant. `email_hash` (keyed) recognizes an address across channels without reading it."""

    OBJECT: ClassVar[str] = "customer"
    RETENTION: ClassVar[timedelta] = timedelta(days=7 * 366)
    RETENTION_WHY: ClassVar[str] = (
        "A sale names its buyer as long as the books are kept: 7 years. Erasure at the buyer's request comes sooner: "
        "the row stays, so that the sales keep their sum, and tells nothing anymore."
    )

    id = IdField(primary_key=True, default=id_factory("cus"), editable=False)
    merchant_id = IdField(_("merchant"))
    reference = models.CharField(_("reference"), max_length=64, null=True, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True, default="")
    email_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    # On a card or app that a customer shows at the counter; another name than the webshop's `reference`.
    loyalty_id = models.CharField(_("loyalty number"), max_length=64, null=True, blank=True)
    name = models.CharField(_("name"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(
                fields=["merchant_id", "reference"], name="customer_reference", condition=Q(reference__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["merchant_id", "email_hash"],
                name="customer_without_reference",
                condition=Q(reference__isnull=True) & ~Q(email_hash=""),
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True) | Q(reference__isnull=True, email="", email_hash="", name=""),
                name="customer_erased_whole",
            ),
            models.UniqueConstraint(
                fields=["merchant_id", "loyalty_id"], name="customer_loyalty", condition=Q(loyalty_id__isnull=False)
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True) | Q(loyalty_id__isnull=True), name="customer_erased_loyalty"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant_id", "email_hash"], name="customer_by_email", condition=~Q(email_hash="")),
            models.Index(fields=["merchant_id", "-id"], name="customer_list"),
        ]

    def __str__(self) -> str:
        return self.name or self.reference or self.loyalty_id or self.id
