"""What of a refund is VAT: of each rate its share, so that many small refunds together give back no cent too much.

Nobody says which goods came back, so a refund takes its share of every rate. Shares are cut from what had been given
back of the payment before to what has been by now: receipts of all refunds together tell the VAT of the sale.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from payments.core.money import Money
from payments.models import Payment, RefundPart
from payments.models.refund import PartStatus


@dataclass(frozen=True, slots=True)
class Taxed:
    """What is taxed at one rate, in minor units."""

    rate: Any  # as the shop wrote it
    net: int
    tax: int

    @property
    def gross(self) -> int:
        """What was paid for it."""
        return self.net + self.tax

    def cut_to(self, gross: int) -> "Taxed":
        """The same rate on so much of it; half a cent of tax is a cent."""
        tax = (2 * gross * self.tax + self.gross) // (2 * self.gross) if self.gross else 0
        return Taxed(self.rate, gross - tax, tax)


def of_sale(payment: Payment) -> list[Taxed]:
    """By rate, as the shop told it."""
    return [Taxed(line["rate"], line["net"], line["tax"]) for line in payment.vat]


def given_back(parts: Iterable[RefundPart]) -> list[Taxed]:
    """By rate, in the order of the sale; nothing where no VAT was told of. Needs the parts' payments."""
    sums: dict[Decimal, Taxed] = {}
    for part in parts:
        for line in _of_part(part):
            known = sums.get(Decimal(str(line.rate)), Taxed(line.rate, 0, 0))
            sums[Decimal(str(line.rate))] = Taxed(known.rate, known.net + line.net, known.tax + line.tax)
    return [line for line in sums.values() if line.net or line.tax]


def _of_part(part: RefundPart) -> list[Taxed]:
    payment = part.payment
    if payment is None or not payment.vat:
        return []
    before = _goods_before(part, payment)
    now = _shares(payment, before + part.amount - part.tip)
    return [
        Taxed(line.rate, line.net - earlier.net, line.tax - earlier.tax)
        for line, earlier in zip(now, _shares(payment, before), strict=True)
    ]


def _goods_before(part: RefundPart, payment: Payment) -> int:
    """What was given back of the payment's goods before; what came to nothing does not count."""
    earlier = payment.refund_parts.filter(item__lt=part.item)
    rows = earlier.exclude(status__in=[PartStatus.CANCELED, PartStatus.FAILED]).values_list("amount", "tip")
    return sum(amount - tip for amount, tip in rows)


def _shares(payment: Payment, goods: int) -> list[Taxed]:
    """What of the first so many cents given back is taxed at each rate; more than all of it is all of it."""
    told = of_sale(payment)
    taxed = sum(line.gross for line in told)
    whole = max(taxed, payment.amount_captured - payment.tip - payment.cashback)
    if not whole:
        return told
    *shares, _untaxed = Money(min(goods, whole), payment.currency).allocate(
        [*(line.gross for line in told), whole - taxed]
    )
    return [line.cut_to(share.amount) for line, share in zip(told, shares, strict=True)]
