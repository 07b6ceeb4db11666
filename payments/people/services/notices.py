"""Tell people by e-mail what was done in their name, to their account, or to the money rules of their merchant."""

from collections.abc import Iterable
from enum import Enum
from typing import Any

from django.conf import settings
from django.db import models
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments import mail
from payments.people.actors import Actor, name_of
from payments.people.models import Role, User


class Notice(Enum):
    """What happened: a subject line, and the sentence that says it. `%(what)s` names what it is about."""

    KEY_MADE = _("An API key was made"), _("The API key %(what)s was made.")
    KEY_ROLLED = _("An API key was rolled"), _("The API key %(what)s was replaced by a new one. It ends within a day.")
    KEY_REVOKED = _("An API key was revoked"), _("The API key %(what)s was revoked. It opens nothing any more.")
    ACCOUNT_CHANGED = _("Your account was changed"), _("Your account %(what)s was changed.")
    ROLES_CHANGED = _("Your roles were changed"), _("Your roles were changed. They are now: %(what)s.")
    PASSWORD_CHANGED = _("Your password was changed"), _("The password of your account %(what)s was changed.")
    SECOND_FACTOR_SET = _("A second factor was set up"), _("A second factor was set up for your account %(what)s.")
    SECOND_FACTOR_TAKEN = (
        _("Your second factor was taken away"),
        _("The second factor of your account %(what)s was taken away."),
    )
    PASSKEY_ADDED = _("A passkey was added"), _("The passkey “%(what)s” was added to your account.")
    PASSKEY_REMOVED = _("A passkey was removed"), _("The passkey “%(what)s” was removed from your account.")
    RECOVERY_CODES_RENEWED = (
        _("Your recovery codes were renewed"),
        _("The recovery codes of your account %(what)s were replaced by others."),
    )
    RECOVERY_CODE_USED = (
        _("A recovery code was used"),
        _("One of your recovery codes was used in place of your second factor. Left: %(what)s."),
    )
    WRONG_CODES = (
        _("Another person knows your password"),
        _("Your password was entered for %(what)s, and then wrong codes of your second factor. Change your password."),
    )
    NEW_ADDRESS = _("You signed in from a new address"), _("Your account was signed in to from %(what)s.")
    SECOND_FACTOR_REQUESTED = (
        _("Removal of your second factor was requested"),
        _(
            "The removal of the second factor of your account %(what)s was requested. "
            "A second person has to approve it."
        ),
    )
    SETTINGS_REQUESTED = (
        _("A change of money rules waits for a second person"),
        _("A change was requested: %(what)s. Nothing changes until a second person approves it."),
    )
    SETTINGS_CHANGED = _("Money rules or bank accounts were changed"), _("This was changed: %(what)s.")


def send(
    users: Iterable[User],
    notice: Notice,
    *,
    about: models.Model,
    merchant_id: str | None,
    by: Actor,
    what: str | Promise,
) -> None:
    """Write to everyone of these whose address is known, in their language, in the caller's transaction."""
    actor = by.get_full_name() or by.get_username() if isinstance(by, User) else name_of(by)
    for user in users:
        if user.email:
            with translation.override(user.language or settings.LANGUAGE_CODE):
                _write(user, notice, about=about, merchant_id=merchant_id, values={"by": actor, "what": what})


def owners(merchant_id: str) -> list[User]:
    """Everyone who owns this merchant."""
    roles = Role.objects.filter(merchant_id=merchant_id, channel_id=None, role=Role.Name.OWNER)
    return list(User.objects.filter(id__in=roles.values("user_id"), is_active=True).order_by("id"))


def _write(user: User, notice: Notice, *, about: models.Model, merchant_id: str | None, values: dict[str, Any]) -> None:
    subject, sentence = notice.value
    at = date_format(timezone.now().astimezone(timezone.get_default_timezone()), "DATETIME_FORMAT")
    text = render_to_string("people/mail/notice.txt", {"happened": sentence % values, "at": at, "by": values["by"]})
    mail.write(
        mail.Letter(
            merchant_id=merchant_id,
            channel_id=None,
            object_id=str(about.pk),
            sender="Onetill",
            to=user.email,
            subject=str(subject),
            text=text,
        )
    )
