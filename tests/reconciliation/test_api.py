"""The REST API of reconciliation: files, payouts and discrepancies, for holders of the right key."""

import json
import secrets
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from payments import object_index
from payments.people.services import api_keys
from reconciliation.models import Payout, SettlementFile
from reconciliation.services.import_file import import_due
from reconciliation.services.resolve import decide
from tests.api.client import Api, faults, refusal
from tests.people.cast import person
from tests.reconciliation.conftest import BankLine, Line, Shop, settlement_csv, statement
from tests.responses import ClientResponse


def api(shop: Shop, *scopes: str, channel: bool = False) -> Api:
    key = api_keys.create(
        merchant_id=shop.merchant.id,
        test_mode=True,
        scopes=scopes or ["all"],
        channel_id=shop.webshop.id if channel else None,
        actor="tests",
    )
    return Api(key.text)


def send(client: Api, content: str | bytes, key: str | None = None, **fields: Any) -> ClientResponse:
    data = content.encode() if isinstance(content, str) else content
    headers = client.headers() | {"Idempotency-Key": key or secrets.token_hex(8)}
    form = {"file": SimpleUploadedFile("file.csv", data), **fields}
    return client.http.post("/v1/settlement_files", form, headers=headers)


def read(response: ClientResponse) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(response.content)
    return body


def test_a_file_is_taken_in_and_imported_in_the_background(shop: Shop) -> None:
    shop.sells_online(5000)
    client = api(shop)
    response = send(client, shop.settlement())
    made = read(response)
    assert (response.status_code, made["object"], made["status"]) == (202, "settlement_file", "processing")
    import_due()
    file = read(client.get(f"/v1/settlement_files/{made['id']}"))
    assert (file["status"], file["format"], file["lines"], file["currency"]) == ("imported", "simulator_csv", 1, "EUR")
    assert file["gross"] - file["fees"] == file["net"]
    assert (file["opening"], file["closing"], file["problems"]) == (None, None, [])
    (payout,) = read(client.get("/v1/payouts"))["data"]
    assert (payout["status"], payout["amount"], payout["settlement_file"]) == ("announced", file["net"], file["id"])
    assert read(client.get("/v1/payouts", status="received"))["data"] == []
    assert [row["id"] for row in read(client.get("/v1/settlement_files", status="imported"))["data"]] == [file["id"]]


def test_the_same_request_is_answered_once_and_the_same_file_is_a_duplicate(shop: Shop) -> None:
    client = api(shop)
    content = statement(BankLine(100))
    first = send(client, content, key="once")
    again = send(client, content, key="once")
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    assert SettlementFile.objects.count() == 1
    other = read(send(client, content))
    assert (other["status"], other["duplicate_of"]) == ("duplicate", read(first)["id"])
    refusal(send(client, statement(BankLine(200)), key="once"), 422, "idempotency_key_reused")


def test_a_file_that_is_refused_says_where_and_why(shop: Shop) -> None:
    client = api(shop)
    made = read(send(client, settlement_csv(Line(100)).replace("0.00,0.00,1.00,,", "0.00,0.00,1.01,,")))
    import_due()
    file = read(client.get(f"/v1/settlement_files/{made['id']}"))
    assert file["status"] == "refused"
    assert {(problem["line"], problem["code"]) for problem in file["problems"]} >= {(3, "net_differs")}


def test_what_is_wrong_with_a_request_is_told_at_once(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    client = api(shop)
    headers = client.headers() | {"Idempotency-Key": "k"}
    assert faults(client.http.post("/v1/settlement_files", {"colour": "red"}, headers=headers)) == {
        "file": "required",
        "colour": "unknown_field",
    }
    stranger = open_shop("Vreemd").account("simulator").id
    assert faults(send(client, "x", provider_account=stranger)) == {"provider_account": "not_found"}
    refusal(send(client, "x", format="mt9999"), 422, "validation_failed")
    twice = {"file": [SimpleUploadedFile("a", b"a"), SimpleUploadedFile("b", b"b")]}
    refusal(client.http.post("/v1/settlement_files", twice, headers=headers), 400, "malformed_form")
    refusal(client.post("/v1/settlement_files", {"file": "x"}), 415, "unsupported_media_type")
    refusal(client.http.post("/v1/settlement_files", {}, headers=client.headers()), 400, "idempotency_key_required")
    assert SettlementFile.objects.count() == 0


def test_a_file_over_the_limit_is_413(shop: Shop, settings: Any) -> None:
    settings.MAX_IMPORT_MB = 1
    refusal(send(api(shop), b"0" * 1_500_000), 413, "body_too_large")


def test_twenty_megabytes_of_nothing_are_taken_in_and_refused(shop: Shop) -> None:
    client = api(shop)
    made = read(send(client, b"<" * 20_000_000))
    import_due()
    file = read(client.get(f"/v1/settlement_files/{made['id']}"))
    assert [problem["code"] for problem in file["problems"]] == ["format_not_recognized"]


def test_scopes_and_keys_of_others(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    made = read(send(api(shop), statement(BankLine(100))))
    path = f"/v1/settlement_files/{made['id']}"
    refusal(api(shop, "payments:write").get(path), 403, "scope_missing")
    refusal(send(api(shop, "reconciliation:read"), "x"), 403, "scope_missing")
    refusal(Api().get(path), 401, "authentication_required")
    for stranger in (api(open_shop("Vreemd")), api(shop, channel=True)):
        refusal(stranger.get(path), 404, "not_found")
        assert read(stranger.get("/v1/settlement_files"))["data"] == []


def test_a_channels_key_sees_what_it_sent_itself(shop: Shop) -> None:
    client = api(shop, channel=True)
    made = read(send(client, statement(BankLine(100))))
    assert read(client.get(f"/v1/settlement_files/{made['id']}"))["id"] == made["id"]


def test_discrepancies_are_listed_and_resolved(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(4800, operation=payment.operations.get().id)))
    client = api(shop)
    (row,) = read(client.get("/v1/discrepancies", kind="amount_differs", status="open", age="0"))["data"]
    assert (row["object"], row["amount"], row["payment"]) == ("discrepancy", 200, payment.id)
    assert read(client.get("/v1/discrepancies", age="1"))["data"] == []
    assert len(read(client.get("/v1/discrepancies", assigned_to="nobody"))["data"]) == 1
    path = f"/v1/discrepancies/{row['id']}/resolve"
    assert faults(client.post(path, {"action": "accept", "note": "x"})) == {"action": "action_not_possible"}
    assert faults(client.post(path, {"action": "wait"})) == {"note": "required"}
    proposed = client.post(path, {"action": "write_off", "note": "Lost."}, idempotency_key="w")
    assert (proposed.status_code, read(proposed)["status"]) == (200, "proposed")
    again = client.post(path, {"action": "write_off", "note": "Lost."}, idempotency_key="w")
    assert again.content == proposed.content
    refusal(client.post(path, {"action": "book_fee", "note": "Fee."}), 409, "discrepancy_not_open")
    assert shop.balance("write_offs") == 0


def test_a_discrepancy_tells_what_it_could_be_about_and_what_may_be_done(shop: Shop) -> None:
    first, second = shop.sells_online(5000), shop.sells_online(5000)
    made = second.operations.get().provider_reference or ""
    shop.sends(settlement_csv(Line(5000, operation=first.operations.get().id, reference=made)))
    client = api(shop)
    (listed,) = read(client.get("/v1/discrepancies", status="open"))["data"]
    answer = read(client.get(f"/v1/discrepancies/{listed['id']}"))
    assert listed.items() <= answer.items()
    assert (answer["severity"], answer["due_on"] > answer["created_at"][:10]) == ("medium", True)
    assert {one["id"] for one in answer["candidates"]} == {first.id, second.id}
    names = {signal["name"]: signal["agrees"] for signal in answer["candidates"][0]["signals"]}
    assert set(names.values()) == {True, False}
    by_name = {one["action"]: one for one in answer["actions"]}
    assert by_name["write_off"]["needs_second_person"]
    assert sum(side["debit"] - side["credit"] for side in by_name["write_off"]["books"]) == 0
    body = {"action": "match", "with": [first.id], "note": "The reference is the other's by mistake."}
    client.post(f"/v1/discrepancies/{listed['id']}/resolve", body)
    done = read(client.get(f"/v1/discrepancies/{listed['id']}"))
    assert (done["status"], done["candidates"], done["actions"]) == ("resolved", [], [])


def test_more_than_stands_open_is_refused_with_the_figure(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(4800, operation=payment.operations.get().id)))
    shop.sends(settlement_csv(Line(200, reference="who?")), provider_account=shop.account("simulator"))
    client = api(shop)
    rows = {row["kind"]: row["id"] for row in read(client.get("/v1/discrepancies", status="open"))["data"]}
    body = {"action": "match", "with": [payment.id], "note": "It is the rest."}
    client.post(f"/v1/discrepancies/{rows['unknown_line']}/resolve", body)
    answer = client.post(
        f"/v1/discrepancies/{rows['amount_differs']}/resolve", {"action": "write_off", "note": "Too little."}
    )
    assert refusal(answer, 422, "amount_exceeds_open")["open"] == 0


def test_one_payout_is_read_by_its_id(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    shop.sells_online(5000)
    shop.sends(shop.settlement())
    (payout,) = read(api(shop).get("/v1/payouts"))["data"]
    assert read(api(shop).get(f"/v1/payouts/{payout['id']}")) == payout
    refusal(api(open_shop("Kaas")).get(f"/v1/payouts/{payout['id']}"), 404, "not_found")


def test_another_merchants_discrepancy_is_not_found(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(4800, operation=payment.operations.get().id)))
    (row,) = shop.disagreements()
    path = f"/v1/discrepancies/{row.id}/resolve"
    refusal(api(open_shop("Vreemd")).post(path, {"action": "wait", "note": "x"}), 404, "not_found")


def test_matching_by_the_api(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    account = shop.account("simulator")
    shop.sends(settlement_csv(Line(5000, reference="who?"), payout="P-1"), provider_account=account)
    (row,) = shop.disagreements()
    body = {"action": "match", "with": [payment.id], "note": "Same day, same amount."}
    answer = api(shop).post(f"/v1/discrepancies/{row.id}/resolve", body)
    assert read(answer)["status"] == "resolved"
    assert shop.balance("receivable", payment.item) == 0


def test_the_books_know_a_file_and_a_payout_by_their_items(shop: Shop) -> None:
    shop.sells_online(5000)
    file = shop.sends(shop.settlement(extra=[{"type": "reserve_hold", "amount": 100}]))
    payout = Payout.objects.get()
    items = object_index.items_of(file.id, merchant_id=shop.merchant.id)
    assert object_index.objects_of(items) == dict.fromkeys(items, file.id)
    assert len(items) == 2
    assert object_index.items_of(payout.id, merchant_id=shop.merchant.id) == [payout.item]
    assert object_index.objects_of([payout.item]) == {payout.item: payout.id}


def test_a_resolution_is_undone_and_a_part_is_booked(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(4800, operation=payment.operations.get().id)))
    (row,) = shop.disagreements()
    client = api(shop)
    path = f"/v1/discrepancies/{row.id}"
    refusal(client.post(f"{path}/undo", {}), 409, "nothing_to_undo")
    body = {"action": "book_fee", "amount": 201, "note": "Their fee."}
    problem = refusal(client.post(f"{path}/resolve", body), 422, "amount_exceeds_open")
    assert (problem["open"], problem["param"]) == (200, "amount")
    assert faults(client.post(f"{path}/resolve", body | {"amount": "2.00"})) == {"amount": "invalid_type"}
    part = read(client.post(f"{path}/resolve", body | {"amount": 150}))
    assert (part["status"], part["resolved_at"]) == ("open", None)
    actions = {one["action"]: one["books"] for one in read(client.get(path))["actions"]}
    assert actions["book_fee"][0]["debit"] == 50
    assert read(client.post(f"{path}/resolve", body | {"amount": 50}))["status"] == "resolved"
    again = client.post(f"{path}/undo", {"note": "It was ours."}, idempotency_key="once")
    undone = read(again)
    assert (again.status_code, undone["id"], undone["status"], undone["resolved_at"]) == (200, row.id, "open", None)
    assert client.post(f"{path}/undo", {"note": "It was ours."}, idempotency_key="once").content == again.content
    assert shop.balance("fees") == 0
    refusal(api(shop, "reconciliation:read").post(f"{path}/undo", {}), 403, "scope_missing")


def test_undoing_what_two_people_decided_waits_for_two(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(4800, operation=payment.operations.get().id)))
    (row,) = shop.disagreements()
    client = api(shop)
    path = f"/v1/discrepancies/{row.id}"
    client.post(f"{path}/resolve", {"action": "write_off", "note": "Lost."})
    decide(row.id, user=person("bob", shop.merchant.id), approved=True)
    answer = client.post(f"{path}/undo", {}, idempotency_key="once")
    waiting = read(answer)
    assert (answer.status_code, waiting["status"], waiting["approval"]["action"]) == (
        202,
        "requires_approval",
        "undo_resolution",
    )
    refusal(client.post(f"{path}/undo", {}), 409, "approval_waiting")
    assert client.post(f"{path}/undo", {}, idempotency_key="once").content == answer.content
    assert shop.balance("write_offs") == 200
