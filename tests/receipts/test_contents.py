"""A receipt says what the law and the card schemes want to read, and of a card never more than its last four digits."""

import re
import zlib
from typing import Any

import pytest
import segno
from django.template.loader import render_to_string
from django.utils import translation

from payments.models import Merchant, Payment, Refund
from payments.receipts import pdf
from payments.receipts.contents import Receipt, of_payment, of_refund
from payments.receipts.vat import given_back
from payments.services.card_present.types import AcquirerReferences
from tests.builders import Shop, on, open_shop

pytestmark = pytest.mark.django_db
SELLER = {
    "address": "Oudegracht 1\n3511 AB Utrecht",
    "registration_number": "12345678",
    "vat_number": "NL001234567B01",
}
PROOF = AcquirerReferences(
    rrn="RRN77", stan="000123", authorization_code="A1B2C3", acquirer_tid="TID00001", acquirer_mid="MID00001"
)
EMV = {"aid": "A0000000043060", "label": "MAESTRO"}


@pytest.fixture
def shop() -> Shop:
    return open_shop(**SELLER, cash_rounding=5, refund_fallback="voucher")


def pinned(shop: Shop, amount: int = 4_950, **more: Any) -> Payment:
    """A PIN sale with all that a terminal proves."""
    return shop.pin(amount, references=PROOF, posted={"type": "sale", "emv": EMV}, **more)


def lines_of(receipt: Receipt) -> dict[str, str]:
    return {line.name: line.value for block in receipt.blocks for line in block}


def test_a_pin_sale(shop: Shop) -> None:
    payment = pinned(shop, occurred_at=on("2026-07-01", "10:05"))
    receipt = of_payment(payment)
    assert receipt.shop == "Bloem Utrecht"
    assert list(receipt.seller) == [
        "Oudegracht 1",
        "3511 AB Utrecht",
        "KvK 12345678",
        "VAT number NL001234567B01",
    ]
    assert lines_of(receipt) == {
        "Receipt number": payment.receipt_number,
        "Date": "1 Jul 2026 12:05",
        "Total": "€49.50",
        "Paid with": "Card Maestro •••• 4242",
        "Type": "Payment (sale)",
        "Card read by": "contactless",
        "Terminal": "Till 1",
        "TID": "TID00001",
        "MID": "MID00001",
        "AID": "A0000000043060",
        "Application": "MAESTRO",
        "Authorization code": "A1B2C3",
        "RRN": "RRN77",
        "STAN": "000123",
        "Transaction": "1/1",
    }


def test_a_tip_and_cash_taken_along(shop: Shop) -> None:
    text = lines_of(of_payment(pinned(shop, 6_000, tip=500, cashback=1_000)))
    assert [text[name] for name in ("Goods", "Tip", "Cash withdrawn", "Total")] == [
        "€45.00",
        "€5.00",
        "€10.00",
        "€60.00",
    ]


def test_cash_is_rounded_received_and_given_back(shop: Shop) -> None:
    text = lines_of(of_payment(shop.pay_cash(1_252, received=2_000)))
    assert (text["Total"], text["Rounded"], text["Received"], text["Change given"]) == (
        "€12.52",
        "−€0.02",
        "€20.00",
        "€7.50",
    )
    assert "Type" not in text


def test_vat_in_the_readers_words(shop: Shop) -> None:
    rates = ({"rate": 21, "net": 1_000, "tax": 210}, {"rate": "9", "net": 100, "tax": 9})
    payment = shop.pay_cash(1_319, vat=rates)
    with translation.override("nl"):
        text = lines_of(of_payment(payment))
    assert text["Btw 21% over €\N{NO-BREAK SPACE}10,00"] == "€\N{NO-BREAK SPACE}2,10"
    assert text["Btw 9% over €\N{NO-BREAK SPACE}1,00"] == "€\N{NO-BREAK SPACE}0,09"
    assert text["Betaald met"] == "Contant"


RATES = ({"rate": 21, "net": 1_000, "tax": 210}, {"rate": "9", "net": 100, "tax": 9})


def vat_of(refund: Refund) -> dict[str, str]:
    return {name: value for name, value in lines_of(of_refund(refund)).items() if name.startswith("VAT")}


def test_all_of_the_vat_goes_back_with_all_of_the_money(shop: Shop) -> None:
    payment = shop.pay_cash(1_319, vat=RATES)
    assert vat_of(shop.refund(payment)) == {"VAT 21% on €10.00": "€2.10", "VAT 9% on €1.00": "€0.09"}


def test_a_part_takes_its_share_of_every_rate(shop: Shop) -> None:
    payment = shop.pay_cash(1_319, vat=RATES)
    # 5.00 of 13.19: 4.59 of what costs 12.10, and 0.41 of what costs 1.09
    refund = shop.refund(payment, 500, route="voucher")
    assert vat_of(refund) == {"VAT 21% on €3.79": "€0.80", "VAT 9% on €0.38": "€0.03"}
    with translation.override("nl"):
        assert lines_of(of_refund(refund))["Btw 21% over €\N{NO-BREAK SPACE}3,79"] == "€\N{NO-BREAK SPACE}0,80"


def test_many_small_refunds_give_back_the_vat_of_the_sale(shop: Shop) -> None:
    payment = shop.pay_cash(1_319, vat=RATES)
    refunds = [shop.refund(payment, amount, route="voucher") for amount in (333, 333, 333, 320)]
    lines = [line for refund in refunds for line in given_back(refund.parts.select_related("payment"))]
    assert sum(line.tax for line in lines if line.rate == 21) == 210
    assert sum(line.tax for line in lines if line.rate == "9") == 9
    assert [sum(line.gross for line in lines[at : at + 2]) for at in (0, 2, 4, 6)] == [333, 333, 333, 320]


def test_what_came_to_nothing_gave_back_no_vat(shop: Shop) -> None:
    payment = shop.pay_cash(1_210, vat=RATES[:1])
    first = shop.refund(payment, 605, route="voucher")
    first.parts.update(status="canceled")
    assert vat_of(shop.refund(payment, 605, route="voucher")) == {"VAT 21% on €5.00": "€1.05"}


def test_a_tip_holds_no_vat(shop: Shop) -> None:
    payment = pinned(shop, 1_710, tip=500)
    Payment.objects.filter(id=payment.id).update(vat=list(RATES[:1]))
    refund = shop.refund(Payment.objects.select_related("order", "channel", "merchant").get(id=payment.id))
    assert lines_of(of_refund(refund))["Given back"] == "€17.10"
    assert vat_of(refund) == {"VAT 21% on €10.00": "€2.10"}


def test_more_than_was_taken_gives_back_no_more_vat(shop: Shop) -> None:
    payment = shop.pay_cash(1_210, vat=RATES[:1])
    refund = shop.refund(payment)
    refund.parts.update(amount=2_000)
    assert vat_of(refund) == {"VAT 21% on €10.00": "€2.10"}


def test_no_vat_told_is_none_shown(shop: Shop) -> None:
    assert vat_of(shop.refund(shop.pay_cash(1_000), 500)) == {}


def test_every_form_of_a_refunds_receipt_tells_the_vat(shop: Shop) -> None:
    refund = shop.refund(shop.pay_cash(1_210, vat=RATES[:1]), 605)
    content = of_refund(refund)
    fields = {"receipt": content, "merchant": refund.merchant, "channel": refund.channel}
    forms = [render_to_string(f"payments/mail/receipt.{form}", fields) for form in ("txt", "html")]
    for text in [*forms, text_of(pdf.written(content, refund.occurred_at))]:
        assert "VAT 21% on €5.00" in text
        assert "€1.05" in text


def test_a_retourpin_is_marked_as_one(shop: Shop) -> None:
    sale = pinned(shop)
    back = shop.pin_back(1_000, sale, references=AcquirerReferences(authorization_code="R9", acquirer_tid="TID00001"))
    receipt = of_refund(back)
    text = lines_of(receipt)
    assert receipt.title == "Refund receipt"
    assert (text["Given back"], text["Type"], text["On"]) == ("€10.00", "Return (refund)", "Card Maestro •••• 4242")
    assert (text["Of receipt"], text["Authorization code"], text["TID"]) == (sale.receipt_number, "R9", "TID00001")
    with translation.override("nl"):
        assert "Retourpin" in lines_of(of_refund(back))
    assert lines_of(of_payment(Payment.objects.get(id=sale.id)))["Given back since"] == "€10.00"


def test_a_refund_by_voucher_names_the_vouchers_end_only(shop: Shop) -> None:
    refund = shop.refund(shop.pin(2_000), 500, route="voucher")
    text = lines_of(of_refund(refund))
    part = refund.parts.get()
    assert part.voucher is not None
    assert text["Voucher"] == f"…{part.voucher.code_end}"
    assert not re.search(rf"\w{part.voucher.code_end}", " ".join(text.values()))


def test_never_more_than_four_digits(shop: Shop) -> None:
    payment = shop.pay_cash(500)
    Payment.objects.filter(id=payment.id).update(description="4111 1111 1111 1111", card_last4="1111")
    fresh = Payment.objects.get(id=payment.id)
    assert "4111" not in str(of_payment(fresh))
    assert "**** **** **** 1111" in str(of_payment(fresh))


def text_of(content: bytes) -> str:
    """What stands on the page of a PDF that carries no font."""
    found = re.findall(rb"\((.*?)(?<!\\)\) Tj", pages_of(content))
    return " ".join(re.sub(rb"\\(.)", rb"\1", text).decode("windows-1252") for text in found)


def pages_of(content: bytes) -> bytes:
    """What a PDF draws, in its own words."""
    # What is packed may itself end in a carriage return, so that none is taken for a part of the line's end.
    streams = re.findall(rb"stream\r?\n(.*?)\nendstream", content, re.DOTALL)
    return b"".join(zlib.decompressobj().decompress(stream) for stream in streams)


def test_a_pdf_says_the_same(shop: Shop) -> None:
    payment = pinned(shop)
    content = pdf.written(of_payment(payment), payment.occurred_at)
    text = text_of(content)
    assert content.startswith(b"%PDF-")
    for expected in ("€49.50", "Card Maestro •••• 4242", payment.receipt_number or "", "NL001234567B01", "A1B2C3"):
        assert expected in text, expected
    assert b"FontFile" not in content
    assert content == pdf.written(of_payment(payment), payment.occurred_at)


def test_a_counters_camera_finds_the_number_on_it(shop: Shop) -> None:
    payment = pinned(shop)
    content = pdf.written(of_payment(payment), payment.occurred_at)
    assert payment.receipt_number is not None
    code = segno.make(payment.receipt_number, error="m", micro=False)
    size = pdf.CODE * 72 / 25.4 / len(code.matrix)
    drawn = [
        tuple(map(float, numbers))
        for numbers in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) -?([\d.]+) re f", pages_of(content))
    ]
    left, top = min(x for x, *_ in drawn), max(y for _, y, *_ in drawn)
    dark = {
        (round((top - y) / size), round((x - left) / size) + step)
        for x, y, width, _ in drawn
        for step in range(round(width / size))
    }
    assert dark == {(y, x) for y, row in enumerate(code.matrix) for x, module in enumerate(row) if module}


@pytest.mark.parametrize("fonts", [True, False], ids=["font", "no font"])
@pytest.mark.parametrize(
    "name",
    ["Kwiaciarnia Łódź", "İğneada Çiçekçi Şişli", "متجر الزهور", "花店 💐", "x" * 200],
)
def test_names_in_any_letters_are_written(shop: Shop, name: str, fonts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not fonts:
        monkeypatch.setattr(pdf, "FONTS", ())
    elif pdf._found() is None:
        pytest.skip("no font is installed here")
    payment = shop.pay_cash(1_000)
    Merchant.objects.update(name=name)
    fresh = Payment.objects.select_related("merchant", "channel", "order").get(id=payment.id)
    content = pdf.written(of_payment(fresh), fresh.occurred_at)
    assert content.startswith(b"%PDF-")
    assert (b"FontFile2" in content) == (fonts and not pdf._is_western(name))
    if not fonts and name.startswith("Kwiaciarnia"):
        assert "Kwiaciarnia ?odz" in text_of(content)


def test_a_long_receipt_goes_on_on_the_next_page(shop: Shop) -> None:
    order = shop.pay_cash(100).order
    for _ in range(25):
        shop.pay_cash(100, order=order)
    refund = Refund.objects.get(id=shop.refund(order).id)
    content = pdf.written(of_refund(refund), refund.occurred_at)
    assert len(re.findall(rb"/Type /Page\b", content)) > 1
    assert text_of(content).count("Of receipt") == 26
