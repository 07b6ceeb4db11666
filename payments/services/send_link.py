"""Send a payment link to a customer, in the customer's language."""

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from payments import audit_log, mail
from payments.core.errors import Conflict
from payments.core.money import Money
from payments.models import PaymentLink
from payments.services import link
from payments.services.email_rendering import letter
from payments.services.idempotency import IdempotencyGuard


def send_link(
    row: PaymentLink, *, to: str, actor: str, language: str | None = None, guard: IdempotencyGuard | None = None
) -> None:
    """Write the e-mail; a worker sends it.

    Raises:
        Conflict: `payment_link_not_active`.
        TooMany: `too_many_mails`.
    """
    current = link.read(row.id)
    if current.status != PaymentLink.Status.ACTIVE:
        raise Conflict("payment_link_not_active", f"This link is {current.status}; make a new one.")
    # Per link, since each one names its own customer: nobody's mailbox is flooded through us.
    mail.refuse_flood(row.id)
    with transaction.atomic():
        if guard is not None:
            guard.begin(row.id)
        with translation.override(language or current.merchant.language):
            mail.write(_letter(current, to))
        audit_log.write(actor=actor, action="payment_link.sent", subject=row, merchant_id=row.merchant_id)


def _letter(row: PaymentLink, to: str) -> mail.Letter:
    minor = link.amount_due(row)
    amount = Money(minor, row.currency) if minor is not None else None
    return letter(
        row,
        to=to,
        subject=_("Your payment to %(merchant)s") % {"merchant": row.merchant.name},
        template="link",
        context={"link": row, "url": link.address(row), "amount": amount},
    )
