"""A provider's file without a published layout is read by the merchant's own mapping, to the letter."""

import io
from typing import Any

import pytest

from payments.core.errors import ValidationFailed
from payments.people.models import AuditLog
from reconciliation.models import FileMapping, Payout, SettlementLine
from reconciliation.services import mappings
from tests.reconciliation.conftest import BY, Shop, codes, violations
from tests.reconciliation.spreadsheets import workbook

# As an acquirer of Dutch PIN transactions might write it: a title, decimal commas, amounts without a sign.
CCV: dict[str, Any] = {
    "encoding": "windows-1252",
    "delimiter": ";",
    "decimal": ",",
    "date_format": "DD-MM-YYYY HH:mm",
    "header_row": 2,
    "sign": "by_type",
    "columns": {
        "date": "Datum",
        "amount": "Bedrag",
        "fee": "Kosten",
        "type": "Soort",
        "tid": "Terminal",
        "rrn": "RRN",
        "reference": "Kenmerk",
        "settlement": "Afrekening",
    },
    "types": {"Verkoop": "sale", "Retour": "refund", "Abonnement": "fee", "Uitbetaling": "payout", "Totaal": "ignore"},
}
SIGNED: dict[str, Any] = {
    "delimiter": ",",
    "decimal": ".",
    "date_format": "YYYY-MM-DD",
    "sign": "signed",
    "fees": "negative",
    "columns": {"date": "Date", "amount": "Gross", "fee": "Fee", "net": "Net", "payment_reference": "Payment"},
}
HEADER = "Datum;Terminal;RRN;Kenmerk;Soort;Bedrag;Kosten;Afrekening"


def made(shop: Shop, definition: dict[str, Any] = CCV, name: str = "CCV") -> FileMapping:
    return mappings.create(account=shop.account("external"), name=name, definition=definition, actor=BY)


def test_a_file_is_settled_by_its_mapping(shop: Shop) -> None:
    sale = shop.sells_in_store(125_050, rrn="000000000001", acquirer_tid="T1")
    mapping = made(shop)
    file = shop.sends(
        ccv(
            "21-11-2026 10:00;T1;000000000001;K1;verkoop;1.250,50;0,12;A-77",
            "21-11-2026 23:59;;;K2;Abonnement;15,00;;A-77",
            "22-11-2026 01:00;;;Café;Totaal;9,99;;A-77",
            "22-11-2026 02:00;;;U-77;Uitbetaling;1.235,38;;A-77",
        ),
        "ccv.csv",
    )
    assert (file.status, file.format, file.lines) == ("imported", mapping.id, 2), file.problems
    assert file.provider_account == shop.account("external")
    assert shop.balance("receivable", sale.item) == 0
    assert shop.balance("fees") == 12 + 1500
    payout = Payout.objects.get()
    assert (payout.reference, payout.amount) == ("U-77", 123_538)
    assert shop.balance("in_transit") == 123_538
    assert SettlementLine.objects.get(type="sale").occurred_at.astimezone(shop.merchant.zone).hour == 10
    assert violations() == []


def test_the_same_movements_in_another_file_change_nothing(shop: Shop) -> None:
    made(shop, CCV | {"columns": {name: at for name, at in CCV["columns"].items() if name != "settlement"}})
    fee = "21-11-2026 23:59;;;K2;Abonnement;15,00;;"
    assert shop.sends(ccv(fee)).status == "imported"
    again = shop.sends(ccv("20-11-2026 23:59;;;K1;Abonnement;15,00;;", fee))
    assert (again.status, codes(again)) == ("refused", ["movement_known"])
    assert shop.balance("fees") == 1500


def test_an_excel_sheet_is_read_by_its_mapping(shop: Shop) -> None:
    excel = {**CCV, "format": "xlsx", "date_format": "DD-MM-YYYY", "header_row": 1}
    made(shop, excel)
    text = "Datum,Terminal,RRN,Kenmerk,Soort,Bedrag,Kosten,Afrekening\n2026-11-21,T1,,K1,Abonnement,15.5,,A-1\n"
    file = shop.sends(workbook(text), "ccv.xlsx")
    assert (file.status, shop.balance("fees")) == ("imported", 1550), file.problems
    assert violations() == []


def test_of_two_mappings_that_fit_one_must_be_chosen(shop: Shop) -> None:
    made(shop)
    other = made(shop, name="CCV 2")
    row = "21-11-2026 23:59;;;K2;Abonnement;15,00;;A-1"
    assert codes(shop.sends(ccv(row))) == ["mapping_ambiguous"]
    assert shop.sends(ccv(row), asked_format=other.id).format == other.id


def test_a_mapping_of_another_merchant_is_none(shop: Shop, open_shop: Any) -> None:
    mapping = made(open_shop("Other"))
    with pytest.raises(ValidationFailed) as refused:
        shop.uploads(ccv(), asked_format=mapping.id)
    assert [fault.code for fault in refused.value.faults] == ["format_unknown"]
    assert codes(shop.sends(ccv("21-11-2026 23:59;;;K2;Abonnement;15,00;;A-1"))) == ["format_not_recognized"]


def test_signs_and_net_are_taken_at_their_word(shop: Shop) -> None:
    sale = shop.sells_online(5000)
    account = shop.account("simulator")
    mappings.create(account=account, name="Signed", definition=SIGNED, actor=BY)
    file = shop.sends(f"Date,Gross,Fee,Net,Payment\n2026-11-21,50.00,-0.85,49.15,{sale.provider_reference}\n")
    assert (file.status, file.net, shop.balance("receivable", sale.item)) == ("imported", 4915, 0), file.problems
    payout = Payout.objects.get()
    assert payout.reference == f"Signed 2026-11-21 {sale.provider_reference}"
    assert violations() == []


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        pytest.param("21-11-2026 10:00;T1;;K1;Gift;1,00;;A", "Row 3: Soort is 'Gift', which this mapping does not know; add it to the mapping's types", id="type"),
        pytest.param("21-11-2026 10:00;T1;;K1;Verkoop;1.00;;A", "Row 3: Bedrag is '1.00': it is no amount with a decimal comma", id="point"),
        pytest.param("21-11-2026 10:00;T1;;K1;Verkoop;1,005;;A", "Row 3: Bedrag is '1,005': it has more decimals than EUR has", id="decimals"),
        pytest.param("21-11-2026 10:00;T1;;K1;Verkoop;-1,00;;A", "Row 3: Bedrag is -1.00 EUR, though the type of the row says", id="sign"),
        pytest.param("2026-11-21 10:00;T1;;K1;Verkoop;1,00;;A", "Row 3: Datum is '2026-11-21 10:00': it is no date as DD-MM-YYYY HH:mm", id="date"),
        pytest.param("31-02-2026 10:00;T1;;K1;Verkoop;1,00;;A", "Row 3: Datum is '31-02-2026 10:00'", id="no such day"),
        pytest.param("21-11-0001 10:00;T1;;K1;Verkoop;1,00;;A", "Row 3: Datum is '21-11-0001 10:00': it is in the year 1", id="year"),
        pytest.param("21-11-2026 10:00;T1;;K1;Verkoop;1,00;;", "Row 3: Afrekening is empty", id="settlement"),
        pytest.param("21-11-2026 10:00;T1;;K1;Verkoop;1,00;0,10", "Row 3 has 7 cells, and the header row 8", id="cells"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_is_named_with_what_to_do(shop: Shop, row: str, detail: str) -> None:
    made(shop)
    file = shop.sends(ccv(row))
    assert file.status == "refused"
    assert file.problems[0]["detail"].startswith(detail)


def test_a_payout_that_its_rows_do_not_make_is_refused_with_both_figures(shop: Shop) -> None:
    made(shop)
    rows = ("21-11-2026 10:00;T1;;K1;Verkoop;10,00;;A", "21-11-2026 10:00;;;U1;Uitbetaling;9,99;;A")
    (found,) = shop.sends(ccv(*rows)).problems
    assert (found["code"], "make 10.00 EUR, but its payout is 9.99 EUR" in found["detail"]) == ("sums_differ", True)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"decimal": ";"}, "decimal"),
        ({"encoding": "ebcdic"}, "encoding"),
        ({"date_format": "DD-MM"}, "date_format"),
        ({"date_format": "DD-DD-YYYY"}, "date_format"),
        ({"header_row": 0}, "header_row"),
        ({"columns": {"date": "Datum", "amount": "Bedrag"}}, "columns.reference"),
        ({"columns": CCV["columns"] | {"colour": "Kleur"}}, "columns.colour"),
        ({"columns": {name: at for name, at in CCV["columns"].items() if name != "date"}}, "columns.date"),
        ({"columns": {name: at for name, at in CCV["columns"].items() if name != "type"}}, "columns.type"),
        ({"sign": "debit_credit"}, "columns.debit"),
        ({"types": {"Verkoop": "gift"}}, "types"),
        ({"types": {}}, "types"),
        ({"password": "x"}, "password"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_with_its_place(
    shop: Shop, change: dict[str, Any], place: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        made(shop, CCV | change)
    assert place in {fault.param for fault in refused.value.faults}
    assert not FileMapping.objects.exists()


def test_a_preview_shows_rows_and_problems_and_stores_nothing(shop: Shop) -> None:
    content = ccv("21-11-2026 10:00;T1;1;K1;Verkoop;10,00;0,10;A", "21-11-2026 10:00;T1;2;K2;Gift;1,00;;A")
    seen = mappings.preview(
        account=shop.account("external"), definition=CCV, file=io.BytesIO(content), name="example.csv"
    )
    (row,) = seen.rows
    assert (row["line"], row["date"], row["type"], row["amount"], row["fee"]) == (3, "2026-11-21", "sale", 1000, 10)
    assert [problem.line for problem in seen.problems] == [4]
    assert not FileMapping.objects.exists()
    assert not SettlementLine.objects.exists()


def test_what_is_done_to_mappings_is_logged_and_a_name_is_given_once(shop: Shop) -> None:
    mapping = made(shop)
    with pytest.raises(ValidationFailed):
        made(shop)
    mappings.update(mapping=mapping, actor=BY, name="CCV POS", definition={"header_row": 3})
    mapping.refresh_from_db()
    assert (mapping.name, mapping.definition["header_row"], mapping.definition["sign"]) == ("CCV POS", 3, "by_type")
    mappings.delete(mapping=mapping, actor=BY)
    assert not FileMapping.objects.exists()
    logged = AuditLog.objects.filter(object_id=mapping.id).order_by("id").values_list("action", flat=True)
    assert list(logged) == ["file_mapping.created", "file_mapping.updated", "file_mapping.deleted"]


def ccv(*rows: str) -> bytes:
    return "\n".join(["Transactieoverzicht Bloem;;;;;;;", HEADER, *rows, ""]).encode("windows-1252")
