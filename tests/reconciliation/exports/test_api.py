"""Exports over the REST API: asked for, polled and fetched by holders of the right key."""

import hashlib
import json
from typing import Any

from payments.people.models import AuditLog
from reconciliation.models import Export
from reconciliation.services.make_export import make_due
from tests.api.client import Api, faults, refusal
from tests.reconciliation.exports.conftest import Books
from tests.responses import ClientResponse


def read(response: ClientResponse) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(response.content)
    return body


def export_body(books: Books, **more: Any) -> dict[str, Any]:
    first = books.today.replace(day=1).isoformat()
    return {"kind": "journal_csv", "from": first, "to": books.today.isoformat()} | more


def test_an_export_is_asked_for_polled_and_fetched(books: Books) -> None:
    client = books.api("reconciliation:write")
    answer = client.post("/v1/exports", export_body(books, profile="exact"))
    requested = read(answer)
    assert (answer.status_code, requested["object"], requested["status"], requested["url"]) == (
        202,
        "export",
        "processing",
        None,
    )
    refusal(client.get(f"/v1/exports/{requested['id']}/file"), 409, "export_not_ready")
    make_due()
    export = read(client.get(f"/v1/exports/{requested['id']}"))
    assert (export["status"], export["kind"], export["profile"], export["problems"]) == (
        "ready",
        "journal_csv",
        "exact",
        [],
    )
    assert (export["from"], export["to"], export["debit"]) == (
        requested["from"],
        books.today.isoformat(),
        export["credit"],
    )
    path = "/v1/" + export["url"].partition("/v1/")[2]
    file = client.get(path)
    content = file.getvalue()
    assert hashlib.sha256(content).hexdigest() == export["sha256"]
    assert file["Content-Disposition"].startswith('attachment; filename="journal_csv-exact-')
    assert AuditLog.objects.filter(action="export.downloaded", object_id=export["id"]).count() == 1
    assert [row["id"] for row in read(client.get("/v1/exports", status="ready"))["data"]] == [export["id"]]
    assert read(client.get("/v1/exports", kind="mt940"))["data"] == []


def test_a_retry_makes_no_second_export(books: Books) -> None:
    client = books.api()
    first, again = (client.post("/v1/exports", export_body(books), idempotency_key="k1") for _ in range(2))
    assert first.content == again.content
    assert Export.objects.count() == 1


def test_what_cannot_be_asked_for_is_named_at_its_field(books: Books) -> None:
    client = books.api()
    assert faults(client.post("/v1/exports", export_body(books, kind="sap"))) == {"kind": "invalid_choice"}
    assert faults(client.post("/v1/exports", export_body(books, kind="camt053"))) == {"account": "required"}
    assert faults(client.post("/v1/exports", {"kind": "xaf32", "from": "2026-02-30", "to": "2026-03-01"})) == {
        "from": "invalid_day"
    }
    elsewhere = export_body(books, kind="mt940", account="receivable:pac_somebody_elses")
    assert faults(client.post("/v1/exports", elsewhere)) == {"account": "not_found"}


def test_a_key_of_one_channel_reads_and_makes_none(books: Books) -> None:
    tied = books.api(channel=True)
    export = books.exports("journal_csv")
    refusal(tied.post("/v1/exports", export_body(books)), 403, "channel_not_allowed")
    for path in ("/v1/exports", f"/v1/exports/{export.id}", f"/v1/exports/{export.id}/file"):
        refusal(tied.get(path), 403, "channel_not_allowed")


def test_reading_alone_fetches_and_makes_none(books: Books) -> None:
    reads = books.api("reconciliation:read")
    refusal(reads.post("/v1/exports", export_body(books)), 403, "scope_missing")
    assert reads.get(f"/v1/exports/{books.exports('mt940', account=books.receivable).id}/file").status_code == 200


def test_the_merchant_says_what_its_audit_files_need(books: Books) -> None:
    client: Api = books.api()
    settings = {"vat_number": "NL001234567B01", "fiscal_year_start": 7, "registration_number": "12345678"}
    changed = read(client.patch("/v1/merchant", settings | {"name": "Bloem B.V."}))
    assert {name: changed[name] for name in settings} == settings
    assert read(client.patch("/v1/merchant", {"vat_number": None}))["vat_number"] is None
    assert faults(client.patch("/v1/merchant", {"fiscal_year_start": 13})) == {"fiscal_year_start": "out_of_range"}


def test_an_export_of_a_channel_names_it(books: Books) -> None:
    client = books.api()
    store = books.shop.store
    requested = read(client.post("/v1/exports", export_body(books, channel=store.id)))
    assert requested["channel"] == {"id": store.id, "name": store.name, "kind": "in_store"}
    assert [row["channel"]["id"] for row in read(client.get("/v1/exports"))["data"]] == [store.id]
    assert faults(client.post("/v1/exports", export_body(books, kind="hledger", channel=store.id))) == {
        "channel": "not_together"
    }
