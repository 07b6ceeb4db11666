"""Links that are sent to a person's own address and let them in once: to join, to recover, to set a new password."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from payments import audit_log, mail
from payments.core.errors import Conflict
from payments.people.models import OneTimeLink, User
from payments.people.permissions import only_looks
from payments.people.services import passwords, second_factors
from payments.people.services.second_factors import Enrolment

Purpose = OneTimeLink.Purpose
GOOD_FOR: Final[dict[Purpose, timedelta]] = {
    Purpose.INVITATION: timedelta(days=7),
    Purpose.RECOVERY: timedelta(days=1),
    Purpose.PASSWORD: timedelta(minutes=30),
}
_NOT_GOOD: Final = "This link has been used, or replaced by a later one, or is too old. Ask for another."


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link just made, with its address, which is never shown again."""

    link: OneTimeLink
    url: str = field(repr=False)


def issue(
    user: User, purpose: Purpose, *, actor: str, agreed_by: str = "", merchant_id: str | None = None, by: str = ""
) -> NewLink:
    """Make a link, in place of earlier ones of this person, and send it to their address where they have one.

    `by` is who asks, as the letter calls them; `merchant_id` whose letter it is.
    """
    token = secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        OneTimeLink.objects.filter(user=user, used_at=None, revoked_at=None).update(revoked_at=now)
        link = OneTimeLink.objects.create(
            user=user,
            purpose=purpose,
            address=user.email,
            token_hash=_hash(token),
            created_by=actor,
            agreed_by=agreed_by,
            expires_at=now + GOOD_FOR[purpose],
        )
        url = settings.PUBLIC_URL + reverse("one_time_link", args=[token])
        audit_log.write(
            actor=actor,
            action="one_time_link.issued",
            subject=user,
            merchant_id=merchant_id,
            after={"purpose": purpose.value, "link": link.id, "until": link.expires_at.isoformat()},
        )
        if user.email:
            _send(link, url, merchant_id=merchant_id, by=by)
    return NewLink(link, url)


def opened(token: str) -> OneTimeLink:
    """The link with this token, if it still works.

    Raises:
        Conflict: `link_not_good`: there is none, or it was used, replaced, or is too old.
    """
    link = OneTimeLink.objects.select_related("user").filter(token_hash=_hash(token)).first()
    if link is None or not _works(link):
        raise Conflict("link_not_good", _NOT_GOOD)
    return link


def use(link: OneTimeLink, *, password: str, enrolment: Enrolment | None, step: int | None) -> list[str]:
    """Set the password and, unless the link is for that alone, the factor; return the recovery codes.

    Raises:
        Conflict: `link_not_good`, where it was used or replaced meanwhile.
        ValidationError: the password is too weak.
    """
    with transaction.atomic():
        # Locked and checked again: of two who open the link at once only one may use it.
        row = OneTimeLink.objects.select_for_update().select_related("user").get(pk=link.pk)
        if not _works(row):
            raise Conflict("link_not_good", _NOT_GOOD)
        user = row.user
        passwords.change(user, password, actor=user.id)
        codes = []
        if enrolment is not None and step is not None:
            codes = second_factors.enrol(user, enrolment, step=step, actor=user.id)
        row.used_at = timezone.now()
        row.save(update_fields=["used_at"])
        _note_use(row)
    return codes


def takes_factor(link: OneTimeLink) -> bool:
    """Tell whether a factor is set up by this link: not by one for a new password, nor for who only looks."""
    return link.purpose != Purpose.PASSWORD and not only_looks(link.user)


def revoke(user: User) -> None:
    """Let no link of this person work any more."""
    OneTimeLink.objects.filter(user=user, used_at=None, revoked_at=None).update(revoked_at=timezone.now())


def waiting(user: User) -> OneTimeLink | None:
    """The link that this person has been sent and may still use."""
    rows = OneTimeLink.objects.filter(user=user, used_at=None, revoked_at=None, expires_at__gt=timezone.now())
    return rows.order_by("-id").first()


def forget() -> int:
    """Delete what has outlived its retention."""
    return OneTimeLink.objects.filter(created_at__lt=timezone.now() - OneTimeLink.RETENTION).delete()[0]


def _works(link: OneTimeLink) -> bool:
    """Bound to the address it was sent to, and to an account that is open."""
    return link.good_at(timezone.now()) and link.user.is_active and link.address == link.user.email


def _note_use(link: OneTimeLink) -> None:
    """Record that those who made the link possible have access to the account as of now, not of their request."""
    for actor in filter(None, (link.created_by, link.agreed_by)):
        audit_log.write(
            actor=actor,
            action="one_time_link.used",
            subject=link.user,
            merchant_id=None,
            after={"purpose": link.purpose, "link": link.id},
        )


def _send(link: OneTimeLink, url: str, *, merchant_id: str | None, by: str) -> None:
    """Queue the e-mail: the kept text has no link; the text with the link is stored encrypted until it is sent."""
    values: dict[str, Any] = {"link": link, "by": by, "minutes": int(GOOD_FOR[Purpose.PASSWORD].total_seconds()) // 60}
    with translation.override(link.user.language or translation.get_language() or settings.LANGUAGE_CODE):
        subject = {
            Purpose.INVITATION: _("You are invited to Onetill"),
            Purpose.RECOVERY: _("Recover your access to Onetill"),
            Purpose.PASSWORD: _("A new password for Onetill"),
        }[Purpose(link.purpose)]
        shown = render_to_string("people/mail/link.txt", values | {"url": "•••"})
        sealed = render_to_string("people/mail/link.txt", values | {"url": url})
    mail.write(
        mail.Letter(
            merchant_id=merchant_id,
            channel_id=None,
            object_id=link.user.pk,
            sender="Onetill",
            to=link.address,
            subject=subject,
            text=shown,
            sealed=sealed,
        )
    )


def _hash(token: str) -> str:
    """The token is 256 random bits: nothing to slow a guesser down for."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
