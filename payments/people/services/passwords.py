"""Passwords: strong enough before they are set; a change ends every other sign-in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from payments import audit_log
from payments.people.models import SignIn, User
from payments.people.services import notices, sign_ins
from payments.people.services.notices import Notice

MINIMUM_LENGTH: Final = 12
LONGEST: Final = 200  # characters; to hash more is work that a guesser could order
DIFFERENT: Final = 5
STRONG: Final = 3  # of zxcvbn's scores 0 to 4: a hundred million guesses
ESTIMATED: Final = 72  # characters, as many as zxcvbn looks at


@dataclass(frozen=True, slots=True)
class StrongPasswordValidator:
    """Twelve characters, not alike, and none of the leaked and easily guessed ones that zxcvbn brings lists of."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError for a password that a guesser finds soon."""
        from zxcvbn import zxcvbn  # noqa: PLC0415 (its lists of words take a fiftieth of every process's start)

        if len(password) < MINIMUM_LENGTH:
            raise ValidationError(_("Use at least 12 characters."), code="password_too_short")
        if len(password) > LONGEST:
            raise ValidationError(_("Use at most 200 characters."), code="password_too_long")
        if len(set(password)) < DIFFERENT:
            raise ValidationError(_("Too many of its characters are alike."), code="password_too_simple")
        own = [user.username, user.email, user.first_name, user.last_name] if user else []
        found: Mapping[str, Any] = zxcvbn(password[:ESTIMATED], user_inputs=["onetill", *filter(None, own)])
        if found["score"] < STRONG:
            raise ValidationError(
                _("This password has leaked, or is guessed too easily. Use a sentence of several words."),
                code="password_too_common",
            )

    def get_help_text(self) -> str:
        """What to say before anything is typed."""
        return _("At least 12 characters; a sentence of several words is strong and easy to remember.")


def change(user: User, password: str, *, actor: str, keep: str | None = None) -> None:
    """Set a password, end all sign-ins but `keep`, and tell the person.

    Raises:
        ValidationError: it is too weak.
    """
    password_validation.validate_password(password, user)
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        sign_ins.end(user, SignIn.Ended.PASSWORD, actor=actor, keep=keep)
        audit_log.write(actor=actor, action="user.password_changed", subject=user, merchant_id=None)
        notices.send([user], Notice.PASSWORD_CHANGED, about=user, merchant_id=None, by=user, what=user.username)
