"""Send e-mail: written in the transaction of what it is about, claimed by lease, sent with no transaction open.

Delivery is at least once: where a server takes a message and its answer is lost, the message is sent again.
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
from payments.mail.models import Mail
from payments.runtime import task_queue

SEND: Final = "payments.notify.send_mail"  # the task of that name
AT_ONCE: Final = 20
LEASE: Final = timedelta(minutes=5)  # longer than `AT_ONCE` messages take a slow server
PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480, 1440))
MOST_AN_HOUR: Final = 10  # about one object
NEVER: Final = 500  # SMTP codes from here on are permanent refusals

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message to be sent. `object_id` is the object it is about; `merchant_id` is None if that is a user's account.

    `sealed` is sent in place of `text` where the stored text must not hold a secret that is sent (a link to sign in).
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
    """Store a letter in the caller's transaction, and enqueue the sending task on commit."""
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
    """Refuse another letter about an object after `MOST_AN_HOUR`, so that a stolen key cannot be used for spam.

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
    """Make a letter that was sent or given up due now."""
    Mail.objects.filter(id=row.id).exclude(status=Mail.Status.PENDING).update(
        status=Mail.Status.PENDING, attempts=0, next_attempt_at=timezone.now(), failure=""
    )
    task_queue.enqueue_on_commit(SEND)


def send_due() -> int:
    """Send what is due. Return how many letters were tried."""
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
    """Delete letters that have outlived their retention. Return how many."""
    deleted, _ = Mail.objects.filter(created_at__lt=timezone.now() - Mail.RETENTION).exclude(status="pending").delete()
    return deleted


def forget_address(*, merchant_id: str, to: str) -> None:
    """Delete every letter of this merchant to an address, sent or not: its owner asked to be erased."""
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
    except Exception as error:  # noqa: BLE001  (one letter's fault must not stop the others)
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
    result = {name: getattr(row, name) for name in ("status", "next_attempt_at", "sent_at", "failure", "sealed")}
    Mail.objects.filter(id=row.id).update(**result)  # `save` would bring back a row that was erased meanwhile


def _is_final(error: Exception) -> bool:
    """Return whether every recipient, or the message itself, was refused for good, so that a retry is useless."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= NEVER for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= NEVER
