"""A voucher to print or to send: what it is worth, its code, and a QR code of it for any till."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from payments.receipts.contents import Line, Receipt
from payments.receipts.pdf import Paper
from payments.text.formatting import amount, day


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedVoucher:
    """What stands on it; `amount` in minor units."""

    shop: str
    code: str
    amount: int
    currency: str
    expires_at: datetime | None
    test_mode: bool


def written(voucher: PrintedVoucher, at: datetime) -> bytes:
    """Return the PDF file, in the active language."""
    until = day(voucher.expires_at.date()) if voucher.expires_at is not None else _("no end")
    worth = amount(voucher.amount, voucher.currency)
    content = Receipt(
        title=_("Voucher"),
        number="",
        shop=voucher.shop,
        seller=(),
        amount=worth,
        blocks=((Line(_("Code"), voucher.code, strong=True), Line(_("Valid until"), until)),),
        notes=(_("Pay with it in the webshop or in the store. Whoever has this code can spend it."),),
        test_mode=voucher.test_mode,
    )
    paper = Paper(content, at)
    paper.draw(content)
    paper.code(voucher.code)
    return bytes(paper.pdf.output())
