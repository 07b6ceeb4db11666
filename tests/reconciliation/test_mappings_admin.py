"""A bookkeeper makes a mapping in the admin: an example, its columns, what is read of it, and only then it is kept."""

import json
import re
from html import unescape
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from payments.people.models import Role
from reconciliation.models import BankAccount, FileMapping, SettlementLine
from tests.reconciliation.conftest import Shop
from tests.reconciliation.spreadsheets import workbook
from tests.reconciliation.test_admin import page, signed_in

MAKE = "/admin/reconciliation/filemapping/make/"
EXAMPLE = (
    "Transacties Bloem;;;;\nDatum;Kenmerk;Soort;Bedrag;Kosten\n"
    "21-11-2026;K1;Verkoop;1.250,50;0,12\n21-11-2026;K2;Abonnement;15,00;\n"
)
COLUMNS = {
    "column_date": "Datum",
    "column_reference": "Kenmerk",
    "column_type": "Soort",
    "column_amount": "Bedrag",
    "column_fee": "Kosten",
}


def show(client: Client, content: bytes, name: str = "ccv.csv", kind: str = "settlement", **more: Any) -> str:
    answer = client.post(MAKE, {"kind": kind, "example": SimpleUploadedFile(name, content), **more})
    assert answer.status_code == 200
    return answer.content.decode()


def filled(html: str, **given: str) -> dict[str, str]:
    """The form as it stands on a page, with what a person fills in."""
    values = {name: unescape(value) for name, value in re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', html)}
    for name, options in re.findall(r'<select[^>]*name="(\w+)"(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        values[name] = unescape(chosen[1]) if chosen else ""
    values.pop("csrfmiddlewaretoken", None)
    return values | given


def test_a_mapping_is_made_of_an_example_and_previewed_before_it_is_kept(shop: Shop) -> None:
    client = signed_in(shop)
    first = show(client, EXAMPLE.encode("windows-1252"))
    form = filled(first, name="CCV", account=shop.account_id("external"), sign="by_type", **COLUMNS)
    assert (form["header_row"], form["delimiter"], form["decimal"]) == ("2", ";", ","), "as the example suggests"

    second = client.post(MAKE, form).content.decode()
    assert "Say what each word of the type column means." in second
    assert "Keep the mapping" not in second
    assert re.findall(r'name="type_(\d)"', second) == ["0", "1"], "each word of the example is asked for"

    form = filled(second, type_0="sale", type_1="fee")
    third = client.post(MAKE, form).content.decode()
    assert "1,250.50" in third
    assert "Keep the mapping" in third
    assert not FileMapping.objects.exists(), "a preview keeps nothing"

    client.post(MAKE, filled(third, keep="1"))
    made = FileMapping.objects.get()
    assert (made.name, made.definition["types"]) == ("CCV", {"Verkoop": "sale", "Abonnement": "fee"})
    file = shop.sends(EXAMPLE)
    assert (file.status, file.format, file.lines) == ("imported", made.id, 2), file.problems
    shown = client.get(page(FileMapping, "change", made.id)).content.decode()
    assert "Abonnement" in shown
    assert "Kenmerk" in shown


def test_a_mapping_with_problems_is_not_kept_whatever_is_pressed(shop: Shop) -> None:
    client = signed_in(shop)
    form = filled(show(client, EXAMPLE.encode()), name="CCV", account=shop.account_id("external"), **COLUMNS)
    form |= {"sign": "by_type", "decimal": ".", "type_0": "sale", "type_1": "fee", "keep": "1"}
    html = client.post(MAKE, form).content.decode()
    assert "no amount with a decimal point" in html
    assert not FileMapping.objects.exists()


def test_an_excel_example_and_an_exported_mapping_fill_the_form(shop: Shop) -> None:
    client = signed_in(shop)
    exported = {
        "name": "CCV",
        "kind": "settlement",
        "sign": "by_type",
        "fees": "positive",
        "date_format": "DD-MM-YYYY",
        "columns": {"date": "Datum", "amount": "Bedrag", "type": "Soort", "reference": "Kenmerk"},
        "types": {"Verkoop": "sale"},
    }
    book = workbook("Datum,Kenmerk,Soort,Bedrag\n2026-11-21,K1,Verkoop,12.5\n")
    file = SimpleUploadedFile("mapping.json", json.dumps(exported).encode())
    form = filled(show(client, book, "ccv.xlsx", exported=file), account=shop.account_id("external"))
    assert (form["column_date"], form["type_0"], form["sign"]) == ("Datum", "sale", "by_type")
    client.post(MAKE, form | {"keep": "1"})
    made = FileMapping.objects.get()
    assert made.definition["format"] == "xlsx"
    answer = client.get(f"/admin/reconciliation/filemapping/{made.id}/export/")
    again = json.loads(answer.content)
    assert (again["columns"], again["types"], again["name"]) == (exported["columns"], exported["types"], "CCV")


def test_what_is_no_example_says_so(shop: Shop) -> None:
    client = signed_in(shop)
    assert "500 kB" in show(client, b"x" * 600_000)
    bad = SimpleUploadedFile("mapping.json", b"[1]")
    assert "no exported mapping" in show(client, EXAMPLE.encode(), exported=bad)
    assert client.post(MAKE, {"example": "%%%"}).status_code == 200
    assert client.post(MAKE, {}).status_code == 200


def test_a_mapping_is_removed_by_finance_and_read_by_an_auditor(shop: Shop) -> None:
    client = signed_in(shop)
    form = filled(show(client, EXAMPLE.encode()), name="CCV", account=shop.account_id("external"), **COLUMNS)
    client.post(MAKE, form | {"sign": "by_type", "type_0": "sale", "type_1": "fee", "keep": "1"})
    made = FileMapping.objects.get()
    auditor = signed_in(shop, Role.Name.AUDITOR, "aukje")
    assert auditor.get(page(FileMapping, "change", made.id)).status_code == 200
    assert auditor.get(MAKE).status_code == 403
    remove = f"/admin/reconciliation/filemapping/{made.id}/remove/"
    assert auditor.post(remove).status_code == 403
    client.post(remove)
    assert not FileMapping.objects.exists()
    assert not SettlementLine.objects.exists()


def test_it_is_all_there_in_dutch(shop: Shop) -> None:
    client = signed_in(shop, language="nl")
    html = show(client, EXAMPLE.encode())
    for words in ("Koppeling maken", "Decimaalteken", "Kolomnamen in rij", "Voorbeeld bekijken"):
        assert words in html


def test_the_list_of_a_bank_is_mapped_and_then_imported(shop: Shop) -> None:
    savings = BankAccount.objects.create(
        merchant=shop.merchant, iban="NL44RABO0123456789", name="Sparen", currency="EUR"
    )
    client, columns = signed_in(shop), ("date", "amount", "type", "description")
    example = b"Boekdatum;Richting;Bedrag;Omschrijving\n21-11-2026;Bij;12,50;Rente\n22-11-2026;Af;2,50;Kosten\n"
    first = show(client, example, "bank.csv", kind="bank")
    assert 'name="column_rrn"' not in first
    names = ("Boekdatum", "Bedrag", "Richting", "Omschrijving")
    given = {f"column_{column}": name for column, name in zip(columns, names, strict=True)}
    form = filled(first, name="Regiobank", account=savings.id, sign="by_type", **given)
    form = filled(client.post(MAKE, form).content.decode(), type_0="credit", type_1="debit")
    third = client.post(MAKE, form).content.decode()
    assert "2.50" in third
    assert "money out" in third
    client.post(MAKE, filled(third, keep="1"))
    mapping = FileMapping.objects.get()
    assert (mapping.account, mapping.definition["kind"]) == (savings, "bank")
    shown = client.get(f"/admin/reconciliation/filemapping/{mapping.id}/change/")
    assert "NL44RABO0123456789" in shown.content.decode()
    assert shop.sends(example, "bank.csv").status == "imported"


def test_a_mapping_of_the_other_kind_is_not_taken_over(shop: Shop) -> None:
    exported = SimpleUploadedFile("m.json", json.dumps({"kind": "bank", "columns": {"date": "Datum"}}).encode())
    assert "for the other kind of file" in show(signed_in(shop), EXAMPLE.encode(), exported=exported)
