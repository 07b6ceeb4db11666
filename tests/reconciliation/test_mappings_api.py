"""File mappings over the API: as the contract has them, tried on an example, used by an upload."""

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from reconciliation.models import FileMapping
from reconciliation.services.import_file import import_due
from tests.api.client import Api, faults, refusal
from tests.reconciliation.conftest import Shop
from tests.reconciliation.test_api import api, read, send
from tests.responses import ClientResponse

MAPPING: dict[str, Any] = {
    "name": "CCV",
    "kind": "settlement",
    "date_format": "DD-MM-YYYY",
    "sign": "by_type",
    "columns": {"date": "Datum", "amount": "Bedrag", "type": "Soort", "reference": "Kenmerk"},
    "types": {"Verkoop": "sale", "Kosten": "fee"},
}
FILE = "Datum;Kenmerk;Soort;Bedrag\n21-11-2026;K1;Kosten;15,00\n"


def create(client: Api, shop: Shop, **change: Any) -> ClientResponse:
    body = MAPPING | {"provider_account": shop.account_id("external")} | change
    return client.post("/v1/file_mappings", body, idempotency_key=change.get("name", "m1"))


def test_a_mapping_is_made_read_changed_and_deleted(shop: Shop) -> None:
    client = api(shop)
    response = create(client, shop)
    made = read(response)
    assert (response.status_code, made["object"], made["decimal"], made["delimiter"]) == (201, "file_mapping", ",", ";")
    assert read(create(client, shop)) == made, "the same request is answered once"
    path = f"/v1/file_mappings/{made['id']}"
    assert read(client.get(path)) == made
    assert read(client.get("/v1/file_mappings"))["data"] == [made]
    changed = read(client.patch(path, {"header_row": 3, "name": "CCV POS"}))
    assert changed == made | {"header_row": 3, "name": "CCV POS"}
    assert client.delete(path).status_code == 204
    refusal(client.get(path), 404, "not_found")


def test_an_export_can_be_imported_for_another_name(shop: Shop) -> None:
    client = api(shop)
    made = read(create(client, shop))
    export = {name: made[name] for name in made if name not in ("id", "object", "created_at", "test_mode")}
    again = read(client.post("/v1/file_mappings", export | {"name": "CCV 2"}))
    assert {name: again[name] for name in export} == export | {"name": "CCV 2"}


def test_what_cannot_be_used_is_refused_with_its_place(shop: Shop) -> None:
    client = api(shop)
    columns = {"amount": "Bedrag", "type": "Soort", "colour": "Kleur"}
    assert faults(create(client, shop, columns=columns)) == {
        "columns.colour": "mapping_invalid",
        "columns.date": "mapping_invalid",
        "columns.reference": "mapping_invalid",
    }
    assert faults(create(client, shop, decimal="x", name="m2")) == {"decimal": "invalid_choice"}
    assert faults(create(client, shop, header_row="1", name="m3")) == {"header_row": "out_of_range"}
    create(client, shop)
    taken = client.post("/v1/file_mappings", MAPPING | {"provider_account": shop.account_id("external")})
    assert faults(taken) == {"name": "name_taken"}
    assert FileMapping.objects.count() == 1


def test_an_example_is_previewed_and_nothing_is_stored(shop: Shop) -> None:
    client = api(shop)
    made = read(create(client, shop))
    seen = read(preview(client, made["id"], FILE + "21-11-2026;K2;Gift;1,00\n"))
    (row,) = seen["rows"]
    assert (row["line"], row["date"], row["type"], row["amount"], row["currency"]) == (
        2,
        "2026-11-21",
        "fee",
        -1500,
        "EUR",
    )
    (problem,) = seen["problems"]
    assert (problem["line"], problem["code"]) == (3, "record_invalid")
    assert "Soort is 'Gift'" in problem["detail"]
    assert faults(preview(client, made["id"])) == {"file": "required"}


def test_an_upload_names_its_mapping_or_is_known_by_its_header(shop: Shop) -> None:
    client = api(shop)
    made = read(create(client, shop))
    files = [read(send(client, FILE, format=made["id"])), read(send(client, FILE.replace("K1", "K2")))]
    import_due()
    import_due()
    for file in files:
        shown = read(client.get(f"/v1/settlement_files/{file['id']}"))
        assert (shown["status"], shown["format"], shown["net"]) == ("imported", made["id"], -1500), shown["problems"]
    assert faults(send(client, FILE, format="map_00000000000000000000000000")) == {"format": "format_unknown"}


def test_mappings_are_the_whole_merchants(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    made = read(create(api(shop), shop))
    path = f"/v1/file_mappings/{made['id']}"
    refusal(api(open_shop("Vreemd")).get(path), 404, "not_found")
    refusal(api(shop, "reconciliation:read").delete(path), 403, "scope_missing")
    assert api(shop, channel=True).get(path).status_code == 403


def preview(client: Api, mapping: str, content: str = "") -> Any:
    form = {"file": SimpleUploadedFile("example.csv", content.encode())} if content else {}
    return client.http.post(f"/v1/file_mappings/{mapping}/preview", form, headers=client.headers())
