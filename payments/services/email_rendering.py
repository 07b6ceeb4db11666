"""E-mails to customers about a row of a channel, in the active language."""

from collections.abc import Mapping
from typing import Any

from django.template.loader import render_to_string

from payments import mail
from payments.models import Payment, PaymentLink, Refund


def letter(
    row: Payment | PaymentLink | Refund,
    *,
    to: str,
    subject: str,
    template: str,
    context: Mapping[str, Any],
    attachment: mail.Attachment | None = None,
) -> mail.Letter:
    """From the row's merchant; `template` names a text and an HTML, rendered with merchant, channel and `context`."""
    context = {**context, "merchant": row.merchant, "channel": row.channel}
    return mail.Letter(
        merchant_id=row.merchant_id,
        channel_id=row.channel_id,
        object_id=row.id,
        sender=row.merchant.name,
        to=to,
        subject=subject,
        text=render_to_string(f"payments/mail/{template}.txt", context),
        html=render_to_string(f"payments/mail/{template}.html", context),
        attachment=attachment,
    )
