"""What a receipt says, in the language of its reader: who sold, what was paid, and how the card was read.

Dutch law wants the seller's name and address, the day, the amount and the VAT in it; the card schemes want the last
four digits (never more), the card's application (AID), the authorization code, the terminal, and whether it was a sale
or a refund.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.core.pan import mask_card_numbers
from payments.models import CardEvidence, Channel, Merchant, Payment, Refund, RefundPart
from payments.models.payment import Method
from payments.models.refund import PartStatus, Route
from payments.receipts import vat
from payments.text.formatting import amount, moment, title

LAST_DIGITS: Final = 4
ENTRY_MODES: Final = {
    "contact": gettext_lazy("chip"),
    "contactless": gettext_lazy("contactless"),
    "magstripe": gettext_lazy("magnetic stripe"),
    "manual": gettext_lazy("typed in"),
}
VERIFICATIONS: Final = {
    "online_pin": gettext_lazy("PIN"),
    "offline_pin": gettext_lazy("PIN"),
    "signature": gettext_lazy("signature"),
    "device": gettext_lazy("on the customer's device"),
    "none": gettext_lazy("no PIN"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing it says; `strong` is what it comes down to."""

    name: str
    value: str
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """All that it says. Blocks are lines that belong together."""

    title: str
    shop: str
    number: str
    amount: str
    test_mode: bool
    seller: Sequence[str]
    blocks: Sequence[Sequence[Line]] = field(default_factory=tuple)
    notes: Sequence[str] = ()


def of_payment(row: Payment) -> Receipt:
    """The receipt of what was captured; needs the payment's merchant, order, channel and voucher."""
    currency, taken = row.currency, row.amount_captured
    evidence = _evidence(row.evidence.filter(type="sale").order_by("id"))
    return Receipt(
        title=_("Receipt"),
        shop=_shop(row.merchant, row.channel),
        number=row.receipt_number or row.id,
        amount=amount(taken, currency),
        test_mode=row.merchant.test_mode,
        seller=_seller(row.merchant, row.channel),
        blocks=_blocks(
            _about(row),
            [
                *_vat(currency, vat.of_sale(row)),
                *_extras(row),
                Line(_("Total"), amount(taken, currency), strong=True),
                *_cash(row),
                *_line(_("Given back since"), row.amount_refunded and amount(row.amount_refunded, currency)),
            ],
            [
                Line(_("Paid with"), _method(row)),
                *_line(_("Type"), evidence and _("Payment (sale)")),
                *_reading(row),
                *_proof(evidence, row.terminal_label),
            ],
        ),
        notes=[
            *([_("Approved offline; your bank confirms it later.")] if row.provisional else []),
            _("Keep this number: with it every counter and webshop of ours finds your purchase."),
        ],
    )


def of_refund(row: Refund) -> Receipt:
    """The receipt of what was given back; needs the refund's merchant, order and channel."""
    parts = [
        part
        for part in row.parts.select_related("payment", "voucher").prefetch_related("operations__evidence")
        if part.status == PartStatus.SUCCEEDED
    ]
    given = sum(part.amount for part in parts)
    return Receipt(
        title=_("Refund receipt"),
        shop=_shop(row.merchant, row.channel),
        number=refund_number(row, parts),
        amount=amount(given, row.currency),
        test_mode=row.merchant.test_mode,
        seller=_seller(row.merchant, row.channel),
        blocks=_blocks(
            [
                Line(_("Receipt number"), refund_number(row, parts)),
                Line(_("Date"), moment(row.occurred_at, row.merchant.zone)),
                *_line(_("Order"), row.order.reference),
            ],
            [
                *_vat(row.currency, vat.given_back(parts)),
                Line(_("Given back"), amount(given, row.currency), strong=True),
            ],
            *(_given_back(part, row.currency) for part in parts),
        ),
    )


def refund_number(row: Refund, parts: Iterable[RefundPart]) -> str:
    """Like a payment's, and never the same: short enough to type, unique through the open item's number."""
    return f"{row.business_day:%y%m%d}-R{min(part.item for part in parts)}"


def _shop(merchant: Merchant, channel: Channel) -> str:
    return channel.name if merchant.name in channel.name else f"{merchant.name}, {channel.name}"


def _seller(merchant: Merchant, channel: Channel) -> list[str]:
    address = channel.address or merchant.address
    told = [
        *address.splitlines(),
        merchant.registration_number and _("KvK %(number)s") % {"number": merchant.registration_number},
        merchant.vat_number and _("VAT number %(number)s") % {"number": merchant.vat_number},
    ]
    return [line.strip() for line in told if line.strip()]


def _about(row: Payment) -> list[Line]:
    return [
        Line(_("Receipt number"), row.receipt_number or row.id),
        Line(_("Date"), moment(row.occurred_at, row.merchant.zone)),
        *_line(_("Order"), row.order.reference),
        *_line(_("Description"), row.description),
    ]


def _vat(currency: str, lines: Iterable[vat.Taxed]) -> list[Line]:
    return [
        Line(
            _("VAT %(rate)s%% on %(net)s") % {"rate": line.rate, "net": amount(line.net, currency)},
            amount(line.tax, currency),
        )
        for line in lines
    ]


def _extras(row: Payment) -> list[Line]:
    """What the total is made of, where it is more than the goods."""
    if not row.tip and not row.cashback:
        return []
    goods = row.amount_captured - row.tip - row.cashback
    return [
        Line(_("Goods"), amount(goods, row.currency)),
        *_line(_("Tip"), row.tip and amount(row.tip, row.currency)),
        *_line(_("Cash withdrawn"), row.cashback and amount(row.cashback, row.currency)),
    ]


def _cash(row: Payment) -> list[Line]:
    if row.method != Method.CASH:
        return []
    return [
        *_line(_("Rounded"), row.rounding and amount(row.rounding, row.currency)),
        *_line(_("Received"), row.received is not None and amount(row.received, row.currency)),
        *_line(_("Change given"), row.change is not None and amount(row.change, row.currency)),
    ]


def _method(row: Payment) -> str:
    told = title(str(row.get_method_display() or _("a method of your provider")))
    if row.voucher is not None:
        return f"{told} …{row.voucher.code_end}"
    brand = (row.card_brand or "").replace("_", " ").title()
    digits = f"•••• {row.card_last4[-LAST_DIGITS:]}" if row.card_last4 else ""
    return " ".join(filter(None, [told, brand, digits]))


def _reading(row: Payment) -> list[Line]:
    told = [ENTRY_MODES.get(row.entry_mode or ""), VERIFICATIONS.get(row.verification or "")]
    return _line(_("Card read by"), ", ".join(str(word) for word in told if word))


def _given_back(part: RefundPart, currency: str) -> list[Line]:
    """One part: how much, on what, and, where a terminal did it, the proof."""
    evidence = _evidence(sorted((e for op in part.operations.all() for e in op.evidence.all()), key=lambda e: e.id))
    at_terminal = evidence is not None or part.route == Route.TERMINAL
    return [
        Line(
            title(str(_("card refund (retourpin)") if at_terminal else part.get_route_display())),
            amount(part.amount, currency),
        ),
        *_line(_("On"), part.payment and _on(part)),
        *_line(_("Of receipt"), part.payment and part.payment.receipt_number),
        *_line(_("Rounded"), part.rounding and amount(part.rounding, currency)),
        *_line(_("Voucher"), part.route == Route.VOUCHER and part.voucher and f"…{part.voucher.code_end}"),
        *_line(_("Type"), at_terminal and _("Return (refund)")),
        *_proof(evidence, ""),
    ]


def _on(part: RefundPart) -> str:
    """The tender it goes back to; another way than it came is told by the route."""
    same_way = part.route in (Route.ORIGINAL, Route.TERMINAL)
    return _method(part.payment) if same_way and part.payment is not None else ""


def _evidence(rows: Iterable[CardEvidence]) -> CardEvidence | None:
    """The last proof there is."""
    return next(iter(reversed(list(rows))), None)


def _proof(row: CardEvidence | None, label: str) -> list[Line]:
    """What the card schemes want to be told of a card that was read."""
    if row is None:
        return _line(_("Terminal"), label)
    emv: dict[str, Any] = row.posted.get("emv") or {}
    return [
        *_line(_("Terminal"), label),
        *_line("TID", row.acquirer_tid),
        *_line("MID", row.acquirer_mid),
        *_line("AID", emv.get("aid")),
        *_line(_("Application"), emv.get("label")),
        *_line(_("Authorization code"), row.authorization_code),
        *_line("RRN", row.rrn),
        *_line("STAN", row.stan),
        *_line(_("Transaction"), f"{row.series}/{row.sequence}"),
    ]


def _line(name: str, value: Any) -> list[Line]:
    """The line, unless there is nothing to say."""
    return [Line(name, mask_card_numbers(str(value)))] if value else []


def _blocks(*blocks: Sequence[Line]) -> list[Sequence[Line]]:
    return [block for block in blocks if block]
