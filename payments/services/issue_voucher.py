"""Issue a voucher by hand: given away by a person, handed out as a PDF or sent by e-mail."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from payments import audit_log, mail
from payments.core.errors import Forbidden
from payments.core.money import Money
from payments.models import Channel
from payments.people.actions import Action
from payments.people.models import User
from payments.people.services import gate
from payments.services.idempotency import IdempotencyGuard
from payments.services.voucher import NewVoucher, VoucherRequest, create_voucher


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherGift:
    """What is given: an amount in the merchant's currency, why, until when, and to which address it is sent."""

    channel: Channel
    amount: int
    reason: str
    expires_at: datetime | None = None
    to: str = ""


def issue_voucher(gift: VoucherGift, *, user: User, guard: IdempotencyGuard | None = None) -> tuple[NewVoucher, bytes]:
    """Make a voucher out of the merchant's own pocket; return it with its code and its PDF, which are stored nowhere.

    With an address the code is also sent there.

    Raises:
        Invalid: as `create_voucher`.
        Forbidden: as `gate.check`; `voucher_above_limit`, beyond what one person decides alone.
    """
    merchant = gift.channel.merchant
    gate.check(Action.ISSUE_VOUCHER, by=user, merchant_id=merchant.id, channel_id=gift.channel.id)
    limit = merchant.second_person_above
    if limit is not None and gift.amount > limit:
        raise Forbidden("voucher_above_limit", "This is more than one person gives away alone. Give less.")
    request = VoucherRequest(
        merchant=merchant,
        amount=Money(gift.amount, merchant.currency),
        channel=gift.channel,
        expires_at=gift.expires_at,
    )
    with transaction.atomic(), translation.override(merchant.language):
        made = create_voucher(request, actor=user.id, guard=guard)
        content = pdf_of(made)
        if gift.to:
            mail.write(_letter(made, gift.to))
        audit_log.write(
            actor=user.id,
            action="voucher.issued",
            subject=made.voucher,
            merchant_id=merchant.id,
            after={"amount": gift.amount, "currency": merchant.currency, "reason": gift.reason},
        )
    return made, content


def pdf_of(made: NewVoucher) -> bytes:
    """The voucher to print, in the active language."""
    from payments.receipts.voucher_pdf import PrintedVoucher, written  # noqa: PLC0415 (as the receipts' PDF: heavy)

    row = made.voucher
    printed = PrintedVoucher(
        shop=row.channel.name if row.channel is not None else row.merchant.name,
        code=made.code,
        amount=row.amount,
        currency=row.currency,
        expires_at=row.expires_at.astimezone(row.merchant.zone) if row.expires_at is not None else None,
        test_mode=row.merchant.test_mode,
    )
    return written(printed, timezone.now())


def _letter(made: NewVoucher, to: str) -> mail.Letter:
    row = made.voucher
    context = {
        "amount": Money(row.amount, row.currency),
        "expires_at": row.expires_at,
        "merchant": row.merchant,
        "channel": row.channel,
    }
    # The stored text shows the code's end only; the sealed one, with all of it, is gone once it is sent.
    text, sealed = (
        render_to_string("payments/mail/voucher.txt", {**context, "code": code})
        for code in (f"…{row.code_end}", made.code)
    )
    return mail.Letter(
        merchant_id=row.merchant_id,
        channel_id=row.channel_id,
        object_id=row.id,
        sender=row.merchant.name,
        to=to,
        subject=_("Your voucher from %(shop)s") % {"shop": row.merchant.name},
        text=text,
        sealed=sealed,
    )
