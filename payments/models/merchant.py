"""Who is paid (merchant), where (channel), and by whose hands (provider account)."""

from datetime import date, datetime
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.core.crypto import EncryptedTextField
from payments.core.money import Money
from payments.db.fields import CurrencyField, IdField, id_factory
from payments.models.base import ApiObject


class Merchant(ApiObject):
    """A legal entity with books of its own. A test merchant is another one, beside the live one."""

    OBJECT: ClassVar[str] = "merchant"

    class Mode(models.TextChoices):
        TEST = "test", _("test")
        LIVE = "live", _("live")

    class RefundFallback(models.TextChoices):
        """What `auto` does with a refund that no other route can carry."""

        NONE = "none", _("refuse, and ask for a route")
        VOUCHER = "voucher", _("make a voucher")

    class Allocation(models.TextChoices):
        """Which payments of an order give back first, where nobody says."""

        LAST_PAID_FIRST = "last_paid_first", _("the last payment first")
        PROPORTIONAL = "proportional", _("all in proportion")

    id = IdField(primary_key=True, default=id_factory("mer"), editable=False)
    name = models.CharField(_("name"), max_length=200)
    mode = models.CharField(_("mode"), max_length=4, choices=Mode)
    country = models.CharField(_("country"), max_length=2, default="NL")
    currency = CurrencyField(_("currency"), default="EUR")
    timezone = models.CharField(_("time zone"), max_length=64, default="Europe/Amsterdam")
    iban = models.CharField("IBAN", max_length=34, blank=True, default="")
    address = models.TextField(_("address on receipts"), blank=True, default="")
    registration_number = models.CharField(_("trade register number (KvK)"), max_length=20, blank=True, default="")
    vat_number = models.CharField(_("VAT number"), max_length=20, blank=True, default="")
    fiscal_year_start = models.PositiveSmallIntegerField(
        _("financial year begins in month"), default=1, db_default=1, help_text=_("1 is January.")
    )
    mail_receipts = models.BooleanField(
        _("receipts by e-mail"), default=False, help_text=_("To every customer whose address is known.")
    )
    cash_rounding = models.PositiveIntegerField(
        _("cash rounding"), default=1, help_text=_("Cash is rounded to this many minor units; 5 in the Netherlands.")
    )
    second_person_above = models.BigIntegerField(
        _("refunds need a second person above"), null=True, blank=True, help_text=_("In minor units; empty: never.")
    )
    refund_fallback = models.CharField(
        _("refunds without another way back"),
        max_length=7,
        choices=RefundFallback,
        default=RefundFallback.NONE,
        db_default=RefundFallback.NONE,
    )
    second_person_above_daily = models.BigIntegerField(
        _("what one person decides alone in a day, at most"),
        null=True,
        blank=True,
        help_text=_("In minor units; empty: no limit."),
    )
    decides_alone_from = models.DateTimeField(  # null: never
        _("one person decides where there is no other, from"), null=True, blank=True
    )

    allocation = models.CharField(
        _("refunds are spread over payments"),
        max_length=15,
        choices=Allocation,
        default=Allocation.LAST_PAID_FIRST,
        db_default=Allocation.LAST_PAID_FIRST,
    )

    tie_cards = models.BooleanField(_("payments by one card are tied"), default=False, db_default=False)

    close_threshold = models.BigIntegerField(
        _("open differences with which a day may still be closed, at most"),
        default=0,
        db_default=0,
        help_text=_("In minor units, all of the channel together."),
    )

    class Meta:
        verbose_name = _("merchant")
        verbose_name_plural = _("merchants")
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=["test", "live"]), name="merchant_mode"),
            models.CheckConstraint(
                condition=Q(refund_fallback__in=["none", "voucher"]), name="merchant_refund_fallback"
            ),
            models.CheckConstraint(condition=Q(fiscal_year_start__range=(1, 12)), name="merchant_fiscal_year_start"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def test_mode(self) -> bool:
        return self.mode == self.Mode.TEST

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def in_cash(self, money: Money) -> Money:
        """What changes hands for `money`: the rounding is that of the merchant's own coins, not of other currencies."""
        return money.rounded_to(self.cash_rounding if money.currency == self.currency else 0)

    @property
    def language(self) -> str:
        """What its customers are written to in, where nobody chose."""
        return "nl" if self.country == "NL" else "en"

    def business_day(self, moment: datetime) -> date:
        """The day a moment belongs to, on the merchant's calendar."""
        return moment.astimezone(self.zone).date()


class Channel(ApiObject):
    """A webshop or a store: a sales location. A new one is a row, not code."""

    OBJECT: ClassVar[str] = "channel"

    class Kind(models.TextChoices):
        ONLINE = "online", _("online")
        IN_STORE = "in_store", _("in store")
        REMOTE = "remote", _("remote")

    id = IdField(primary_key=True, default=id_factory("chn"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="channels")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    name = models.CharField(_("name"), max_length=200)
    namespace = models.CharField(
        _("order namespace"),
        max_length=64,
        help_text=_("Channels that share one share their order references; by default each has its own."),
    )
    numeric_references = models.BooleanField(
        _("numbers its orders"),
        default=False,
        db_default=False,
        help_text=_("Order references of digits alone are never taken for card numbers."),
    )
    return_schemes: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=40),
        verbose_name=_("addresses of its apps"),
        default=list,
        db_default=[],
        blank=True,
    )
    address = models.TextField(_("address on receipts"), blank=True, default="")
    active = models.BooleanField(_("active"), default=True)
    refund_routes: models.JSONField[Any, Any] = models.JSONField(_("refund routes"), null=True, blank=True)  # None: all

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["online", "in_store", "remote"]), name="channel_kind")
        ]

    def __str__(self) -> str:
        return self.name


# Channels with a counter, or at the customer's door: cash is taken there, and terminals stand there.
WITH_COUNTER: Final = frozenset({Channel.Kind.IN_STORE, Channel.Kind.REMOTE})


MOST_PAYOUT_DAYS: Final = 60


class ProviderAccount(ApiObject):
    """The contract with a provider or acquirer."""

    OBJECT: ClassVar[str] = "provider_account"

    id = IdField(primary_key=True, default=id_factory("pac"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="provider_accounts")
    provider = models.CharField(_("provider"), max_length=40)
    name = models.CharField(_("name"), max_length=200)
    currency = CurrencyField(_("settlement currency"), default="EUR")
    external_id = models.CharField(_("account or MID at the provider"), max_length=100, blank=True, default="")
    bank_iban = models.CharField(_("pays out to IBAN"), max_length=34, blank=True, default="")
    credentials = EncryptedTextField(blank=True, default="", editable=False)  # a JSON object of strings
    fee_rates: models.JSONField[Any, Any] = models.JSONField(_("fee rates"), default=list, blank=True)
    payout_days = models.PositiveSmallIntegerField(
        _("bank days from a sale to its payout"),
        null=True,
        blank=True,
        help_text=_("As the contract says; what its last payouts took counts before it."),
    )
    default = models.BooleanField(_("used when none is named"), default=False)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("provider account")
        verbose_name_plural = _("provider accounts")
        constraints = [
            models.UniqueConstraint(
                # Of two at once the database lets one through: nobody's payments go to a contract by chance.
                F("merchant"),
                F("provider"),
                condition=Q(default=True),
                name="provider_account_one_default",
            )
        ]

    def __str__(self) -> str:
        return self.name
