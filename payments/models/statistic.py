"""Sales figures as a stream of changes, folded forward, so that a sum never scans a year of payments."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField


class Figures(models.Model):
    """The groups of a figure and its measures; a taken-back sale is a negative change."""

    id = models.BigAutoField(primary_key=True)
    merchant_id = IdField()
    channel_id = IdField()
    business_day = models.DateField()
    hour = models.PositiveSmallIntegerField()
    method = models.CharField(max_length=16)
    origin = models.CharField(max_length=8)
    brand = models.CharField(max_length=32, default="")
    currency = CurrencyField()
    sales_count = models.BigIntegerField(default=0)
    sales_amount = AmountField(default=0)
    refunds_count = models.BigIntegerField(default=0)
    refunds_amount = AmountField(default=0)
    chargebacks_amount = AmountField(default=0)
    tips_amount = AmountField(default=0)

    class Meta:
        abstract = True


class StatisticDelta(Figures):
    """One change, written in the transaction that caused it, until it is folded into its total."""

    made_at = models.DateTimeField(db_default=Now(), editable=False)  # by the database's clock: how far the fold is

    class Meta:
        verbose_name = _("statistic change")
        verbose_name_plural = _("statistic changes")
        indexes = [models.Index(fields=["merchant_id", "business_day"], name="statistic_delta_day")]


class StatisticTotal(Figures):
    """The folded sum per group."""

    class Meta:
        verbose_name = _("statistic")
        verbose_name_plural = _("statistics")
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "merchant_id",
                    "business_day",
                    "channel_id",
                    "currency",
                    "method",
                    "origin",
                    "brand",
                    "hour",
                ],
                name="statistic_total_group",
            )
        ]
