"""The counter's page: the browsers that are paired to a store, and its staff, who sign in there with a short code."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory
from payments.models import Channel, Merchant
from payments.models.base import ApiObject
from payments.people.models import User


class CounterBrowser(ApiObject):
    """The browser of one tablet or phone in one store. It is paired while it has a `token_hash`.

    Of the pairing code and of the token, which the browser keeps as a cookie, only hashes are stored.
    """

    OBJECT: ClassVar[str] = "counter_browser"

    id = IdField(primary_key=True, default=id_factory("cbr"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", verbose_name=_("channel"))
    label = models.CharField(_("label"), max_length=100)
    pairing_code_hash = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)
    pairing_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    token_hash = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)
    browser = models.CharField(_("browser"), max_length=200, blank=True, default="", editable=False)
    paired_at = models.DateTimeField(_("paired at"), null=True, blank=True, editable=False)
    unpaired_at = models.DateTimeField(_("unpaired at"), null=True, blank=True, editable=False)
    last_seen_at = models.DateTimeField(_("last seen at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("tablet or phone")
        verbose_name_plural = _("tablets and phones")
        constraints = [
            models.CheckConstraint(
                condition=Q(unpaired_at__isnull=True) | Q(token_hash__isnull=True, pairing_code_hash__isnull=True),
                name="counter_browser_unpaired_for_good",
            )
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="counter_browser_list")]

    def __str__(self) -> str:
        return self.label

    @property
    def is_paired(self) -> bool:
        """Whether a browser holds its token."""
        return self.token_hash is not None


class StaffCode(ApiObject):
    """One person's short code in one store. `failures` counts wrong guesses since the last right one.

    Who has no account in the admin gets a starter code from a manager: it opens nothing but the choice of their own.
    """

    OBJECT: ClassVar[str] = "staff_code"
    MOST_FAILURES: ClassVar[int] = 20  # of a million codes; then its person chooses another

    id = IdField(primary_key=True, default=id_factory("stc"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", verbose_name=_("channel"))
    user = models.ForeignKey(User, models.CASCADE, related_name="+", verbose_name=_("person"))
    code_hash = models.CharField(max_length=200, editable=False)
    starter_hash = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    starter_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    failures = models.PositiveSmallIntegerField(_("wrong guesses"), default=0, editable=False)
    changed_at = models.DateTimeField(_("chosen at"), default=timezone.now, editable=False)
    used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("staff code")
        verbose_name_plural = _("staff codes")
        constraints = [models.UniqueConstraint(fields=["user", "channel"], name="staff_code_once")]
        indexes = [models.Index(fields=["merchant", "-id"], name="staff_code_list")]

    def __str__(self) -> str:
        return self.user.get_full_name() or self.user.get_username()

    @property
    def is_locked(self) -> bool:
        """Whether it was guessed at too often."""
        return self.failures >= self.MOST_FAILURES


class CounterSignIn(models.Model):
    """One person at one paired browser, from the right code until they sign out, are idle, or the browser is lost."""

    OBJECT: ClassVar[str] = "counter_sign_in"
    RETENTION: ClassVar[timedelta] = timedelta(days=90)
    RETENTION_WHY: ClassVar[str] = "Long enough to ask who was at a counter; the audit log answers it afterwards."

    class Ended(models.TextChoices):
        SIGNED_OUT = "signed_out", _("signed out")
        NEXT_PERSON = "next_person", _("somebody else signed in")
        UNPAIRED = "unpaired", _("the browser was unpaired")
        CODE = "code", _("another code, or none any more")

    id = IdField(primary_key=True, default=id_factory("csn"), editable=False)
    browser = models.ForeignKey(CounterBrowser, models.CASCADE, related_name="sign_ins")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    # Of the challenge that a passkey answered: the same answer opens nothing twice.
    challenge_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    created_at = models.DateTimeField(_("signed in at"), default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(_("last seen at"), default=timezone.now, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, editable=False)
    ended_because = models.CharField(_("ended because"), max_length=11, choices=Ended, default="", db_default="")

    class Meta:
        verbose_name = _("sign-in at the counter")
        verbose_name_plural = _("sign-ins at the counter")

    def __str__(self) -> str:
        return f"{self.user_id} {self.created_at:%Y-%m-%d %H:%M}"
