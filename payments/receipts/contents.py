"""The contents of a receipt, in the language of its reader: the seller, what was paid, and how the card was read.

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
    """A name and its value; the total is `strong`."""

    name: str
    value: str
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt's texts, formatted and translated. A block is a group of lines between two rules."""

    title: str
    shop: str
    number: str
    amount: str
    test_mode: bool
    seller: Sequence[str]
    blocks: Sequence[Sequence[Line]] = field(default_factory=tuple)
    notes: Sequence[str] = ()


def of_payment(row: Payment) -> Receipt:
    """Return the receipt of a captured payment; select its merchant, order, channel and voucher beforehand."""
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
                *_card_data(evidence, row.terminal_label),
            ],
        ),
        notes=[
            *([_("Approved offline; your bank confirms it later.")] if row.provisional else []),
            _("Keep this number: with it every counter and webshop of ours finds your purchase."),
        ],
    )


def of_refund(row: Refund) -> Receipt:
    """Return the receipt of a refund's succeeded parts; select its merchant, order and channel beforehand."""
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
    """Return a receipt number like a payment's, but never equal to one: unique by the number of its open item."""
    return f"{row.business_day:%y%m%d}-R{min(part.item for part in parts)}"


def _shop(merchant: Merchant, channel: Channel) -> str:
    return channel.name if merchant.name in channel.name else f"{merchant.name}, {channel.name}"


def _seller(merchant: Merchant, channel: Channel) -> list[str]:
    address = channel.address or merchant.address
    lines = [
        *address.splitlines(),
        merchant.registration_number and _("KvK %(number)s") % {"number": merchant.registration_number},
        merchant.vat_number and _("VAT number %(number)s") % {"number": merchant.vat_number},
    ]
    return [line.strip() for line in lines if line.strip()]


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
    """Return what the total is made of, if it includes a tip or cash back."""
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
    method = title(str(row.get_method_display() or _("a method of your provider")))
    if row.voucher is not None:
        return f"{method} …{row.voucher.code_end}"
    brand = (row.card_brand or "").replace("_", " ").title()
    digits = f"•••• {row.card_last4[-LAST_DIGITS:]}" if row.card_last4 else ""
    return " ".join(filter(None, [method, brand, digits]))


def _reading(row: Payment) -> list[Line]:
    ways = [ENTRY_MODES.get(row.entry_mode or ""), VERIFICATIONS.get(row.verification or "")]
    return _line(_("Card read by"), ", ".join(str(way) for way in ways if way))


def _given_back(part: RefundPart, currency: str) -> list[Line]:
    """Return the lines of one part: amount, tender, and the card's evidence if a terminal made the refund."""
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
        *_card_data(evidence, ""),
    ]


def _on(part: RefundPart) -> str:
    """Return the tender it goes back to; empty for another route, whose name is on the receipt already."""
    same_way = part.route in (Route.ORIGINAL, Route.TERMINAL)
    return _method(part.payment) if same_way and part.payment is not None else ""


def _evidence(rows: Iterable[CardEvidence]) -> CardEvidence | None:
    """Return the latest of these, by their order."""
    return next(iter(reversed(list(rows))), None)


def _card_data(row: CardEvidence | None, label: str) -> list[Line]:
    """Return what the card schemes require on the receipt of a card that was read."""
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
    """Return the line, with card numbers masked; none for an empty value."""
    return [Line(name, mask_card_numbers(str(value)))] if value else []


def _blocks(*blocks: Sequence[Line]) -> list[Sequence[Line]]:
    return [block for block in blocks if block]
