"""Send e-mail: written with what it tells of, claimed by lease, sent with no transaction open.

A server may take a message and the answer be lost: then it comes twice, which a reader forgives; never is not forgiven.
"""

import logging
import math
import smtplib
from dataclasses import dataclass
from datetime import timedelta
from email.utils import formataddr, parseaddr
from typing import Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from payments.core.errors import TooMany
from payments.notify.models import Mail
from payments.runtime import task_queue

SEND: Final = "payments.notify.send_mail"  # the task of that name
AT_ONCE: Final = 20
LEASE: Final = timedelta(minutes=5)  # longer than `AT_ONCE` messages take a slow server
PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480, 1440))
MOST_AN_HOUR: Final = 10  # about one object
NEVER: Final = 500  # from here on an SMTP server means it: the address is wrong, not the moment

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is written to whom. `object_id` is what it tells of; `merchant_id` None: a user's account.

    `sealed` is sent in place of `text`, where what is kept must not hold what is sent.
    """

    merchant_id: str | None
    channel_id: str | None
    object_id: str
    to: str
    subject: str
    text: str
    sealed: str | None = None
    html: str = ""
    attachment: Attachment | None = None
    sender: str = ""  # the name a reader knows


def write(letter: Letter) -> Mail:
    """Put a letter into the post, joining the caller's transaction."""
    attached = letter.attachment
    row = Mail.objects.create(
        merchant_id=letter.merchant_id,
        channel_id=letter.channel_id,
        object_id=letter.object_id,
        sender=" ".join(letter.sender.split())[:200],
        to=letter.to,
        subject=" ".join(letter.subject.split())[:200],  # a header has one line
        text=letter.text,
        sealed=letter.sealed,
        html=letter.html,
        attachment=attached.content if attached else None,
        attachment_name=attached.name if attached else "",
        attachment_type=attached.type if attached else "",
    )
    task_queue.enqueue_on_commit(SEND)
    return row


def refuse_flood(object_id: str) -> None:
    """Refuse another letter about one object where many were just written: a stolen key is no way to send spam.

    Raises:
        TooMany: `too_many_mails`.
    """
    since = timezone.now() - timedelta(hours=1)
    sent = list(Mail.objects.filter(object_id=object_id, created_at__gt=since).order_by("-id")[:MOST_AN_HOUR])
    if len(sent) == MOST_AN_HOUR:
        left = math.ceil((sent[-1].created_at - since).total_seconds())
        detail = f"{MOST_AN_HOUR} e-mails about this were sent within the hour. Wait, then send again."
        raise TooMany("too_many_mails", detail, retry_after=max(1, left))


def send_again(row: Mail) -> None:
    """Make a letter due once more, whatever became of it."""
    Mail.objects.filter(id=row.id).exclude(status=Mail.Status.PENDING).update(
        status=Mail.Status.PENDING, attempts=0, next_attempt_at=timezone.now(), failure=""
    )
    task_queue.enqueue_on_commit(SEND)


def send_due() -> int:
    """Send what is due and return how many were tried."""
    tried = 0
    while rows := _claim():
        connection = get_connection()
        try:
            for row in rows:
                _finish(row, _send(row, connection))
        finally:
            connection.close()
        tried += len(rows)
    return tried


def forget() -> int:
    """Delete what has outlived its retention."""
    deleted, _ = Mail.objects.filter(created_at__lt=timezone.now() - Mail.RETENTION).exclude(status="pending").delete()
    return deleted


def forget_address(*, merchant_id: str, to: str) -> None:
    """Delete whatever was, or was to be, written to somebody who wants to be forgotten."""
    Mail.objects.filter(merchant_id=merchant_id, to__iexact=to).delete()


def _claim() -> list[Mail]:
    now = timezone.now()
    due = Mail.objects.filter(status=Mail.Status.PENDING, next_attempt_at__lte=now).order_by("next_attempt_at")
    with transaction.atomic():
        rows = list(due.select_for_update(skip_locked=True)[:AT_ONCE])
        for row in rows:
            row.attempts += 1
            row.next_attempt_at = now + LEASE
        Mail.objects.bulk_update(rows, ["attempts", "next_attempt_at"])
    return rows


def _send(row: Mail, connection: BaseEmailBackend) -> Exception | None:
    try:
        _message(row, connection).send()
    except Exception as error:  # noqa: BLE001  (whatever a server does, the other letters go on)
        logger.warning("%s could not be sent: %s", row.id, type(error).__name__)
        return error
    return None


def _message(row: Mail, connection: BaseEmailBackend) -> EmailMultiAlternatives:
    sender = formataddr((row.sender, parseaddr(settings.DEFAULT_FROM_EMAIL)[1])) if row.sender else None
    text = row.sealed or row.text
    message = EmailMultiAlternatives(row.subject, text, from_email=sender, to=[row.to], connection=connection)
    message.extra_headers["Message-ID"] = f"<{row.id}@onetill>"  # the same at every attempt
    message.extra_headers["Auto-Submitted"] = "auto-generated"  # no out-of-office answer comes back
    if row.html:
        message.attach_alternative(row.html, "text/html")
    if row.attachment is not None:
        message.attach(row.attachment_name, bytes(row.attachment), row.attachment_type)
    return message


def _finish(row: Mail, error: Exception | None) -> None:
    if error is None:
        row.status, row.next_attempt_at, row.sent_at, row.failure = Mail.Status.SUCCEEDED, None, timezone.now(), ""
    elif _is_final(error) or row.attempts > len(PAUSES):
        row.status, row.next_attempt_at, row.failure = Mail.Status.FAILED, None, type(error).__name__
    else:
        row.next_attempt_at = timezone.now() + PAUSES[row.attempts - 1]
        row.failure = type(error).__name__
    if row.next_attempt_at is None:
        row.sealed = None
    told = {name: getattr(row, name) for name in ("status", "next_attempt_at", "sent_at", "failure", "sealed")}
    Mail.objects.filter(id=row.id).update(**told)  # whoever it was written to may have been forgotten meanwhile


def _is_final(error: Exception) -> bool:
    """Whether trying again is in vain: every recipient, or the message itself, was refused for good."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= NEVER for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= NEVER
