"""The VAT of a sale and of a refund, by rate.

Which goods came back is not known, so a refund takes its share of every rate. A share is the difference of two
cumulative sums (given back before, and given back now), so that the receipts of all refunds together add up to the VAT
of the sale, to the cent.
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
    """The amounts taxed at one rate, in minor units."""

    rate: Any  # as the shop wrote it
    net: int
    tax: int

    @property
    def gross(self) -> int:
        """Net and tax."""
        return self.net + self.tax

    def cut_to(self, gross: int) -> "Taxed":
        """Return this rate on a part of the gross amount; tax is rounded half up."""
        tax = (2 * gross * self.tax + self.gross) // (2 * self.gross) if self.gross else 0
        return Taxed(self.rate, gross - tax, tax)


def of_sale(payment: Payment) -> list[Taxed]:
    """Return the VAT of a sale by rate, as the shop posted it."""
    return [Taxed(line["rate"], line["net"], line["tax"]) for line in payment.vat]


def given_back(parts: Iterable[RefundPart]) -> list[Taxed]:
    """Return the VAT of refund parts by rate, in the order of the sale; empty if the sale had none.

    Select the parts' payments beforehand.
    """
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
    """Return what earlier parts gave back of the payment's goods, canceled and failed ones aside."""
    earlier = payment.refund_parts.filter(item__lt=part.item)
    rows = earlier.exclude(status__in=[PartStatus.CANCELED, PartStatus.FAILED]).values_list("amount", "tip")
    return sum(amount - tip for amount, tip in rows)


def _shares(payment: Payment, goods: int) -> list[Taxed]:
    """Return how the first `goods` minor units given back are taxed by rate; at most the whole payment."""
    lines = of_sale(payment)
    taxed = sum(line.gross for line in lines)
    whole = max(taxed, payment.amount_captured - payment.tip - payment.cashback)
    if not whole:
        return lines
    *shares, _untaxed = Money(min(goods, whole), payment.currency).allocate(
        [*(line.gross for line in lines), whole - taxed]
    )
    return [line.cut_to(share.amount) for line, share in zip(lines, shares, strict=True)]
