"""Letters to customers: what is told about a row of a channel, in the language that is active."""

from collections.abc import Mapping
from typing import Any

from django.template.loader import render_to_string

from payments.models import Payment, PaymentLink, Refund
from payments.notify.services import mail


def letter(
    row: Payment | PaymentLink | Refund,
    *,
    to: str,
    subject: str,
    template: str,
    told: Mapping[str, Any],
    attachment: mail.Attachment | None = None,
) -> mail.Letter:
    """From the row's merchant; `template` names a text and an HTML, which know merchant and channel besides `told`."""
    told = {**told, "merchant": row.merchant, "channel": row.channel}
    return mail.Letter(
        merchant_id=row.merchant_id,
        channel_id=row.channel_id,
        object_id=row.id,
        sender=row.merchant.name,
        to=to,
        subject=subject,
        text=render_to_string(f"payments/mail/{template}.txt", told),
        html=render_to_string(f"payments/mail/{template}.html", told),
        attachment=attachment,
    )
