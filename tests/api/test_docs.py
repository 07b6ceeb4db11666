"""The documentation is on this very server, and needs nothing from anywhere else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from payments.api import answer_docs
from payments.notify.models import EVENT_TYPES
from tests.api import conformity
from tests.api.client import refusal


def test_the_page_works_offline() -> None:
    page = Client().get("/v1/docs")
    assert page.status_code == 200
    text = page.content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert all(address.startswith("/") and not address.startswith("//") for address in addresses)
    for address in addresses:
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/")), address
    assert not re.findall(r"<script(?![^>]* src=)", text), "the page's own policy forbids inline scripts"
    assert "default-src 'self'" in page["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/v1/docs", "/v1/errors/not_found", "/health/live", "/health/ready", "/metrics"])
def test_a_page_that_is_only_read_takes_no_other_method(path: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = Client(enforce_csrf_checks=True).generic(method, path)
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


def test_the_document_is_for_everyone() -> None:
    document = conformity.document()
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    ids = [operation_doc["operationId"] for methods in document["paths"].values() for operation_doc in methods.values()]
    assert len(ids) == len(set(ids))


def test_every_part_of_it_is_told_what_it_is_about_and_who_may_ask(settings: Any) -> None:
    document = conformity.document()
    assert document["servers"] == [{"url": settings.PUBLIC_URL}]
    declared = {tag["name"] for tag in document["tags"] if tag["description"]}
    schemes = set(document["components"]["securitySchemes"])
    for path, operation in operations(document):
        assert set(operation["tags"]) <= declared
        assert {name for one in operation["security"] for name in one} <= schemes, path
    device = document["paths"]["/v1/terminal/transactions"]["post"]["security"]
    assert [sorted(one) for one in device] == [["terminalId", "webhookId", "webhookSignature", "webhookTimestamp"]]
    assert document["paths"]["/v1/terminals/pair"]["post"]["security"] == []


def test_every_field_of_a_request_is_explained() -> None:
    """A new field without the sentence under it fails here: see `payments.api.field_docs`."""
    schemas = conformity.document()["components"]["schemas"]
    bodies = {part for _, operation in operations(conformity.document()) for part in _inputs(operation, schemas)}
    assert len(bodies) > 30
    unexplained = [
        f"{name}.{member}"
        for name in sorted(bodies)
        for member, schema in schemas[name]["properties"].items()
        if not schema.get("description")
    ]
    assert unexplained == []


def test_every_parameter_of_an_address_is_explained() -> None:
    unexplained = [
        (path, parameter["name"])
        for path, operation in operations(conformity.document())
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    assert unexplained == []


def test_every_operation_says_what_it_does_and_which_scope_it_needs() -> None:
    """By its own words, not by those of its class, which it shares with others of the same address."""
    operation_docs = {
        path: operation for path, operation in operations(conformity.document()) if path != "/v1/events/stream"
    }
    for path, operation in operations(conformity.document()):
        words = operation["description"].partition(" Needs ")[0]
        assert len(words) > 10, f"{path}: {operation['operationId']} needs a docstring"
        with_key = {"apiKey": []} in operation["security"] and path in operation_docs
        assert not with_key or re.search(r"Needs the scope `\w+:(read|write)`\.|Every key", operation["description"]), (
            path
        )
        header = any(given["name"] == "Idempotency-Key" for given in operation.get("parameters", []))
        assert header == ("Needs an `Idempotency-Key`" in operation["description"]), path
    descriptions = [operation["description"] for _, operation in operations(conformity.document())]
    shared = {text for text in descriptions if descriptions.count(text) > 1}
    assert all(text.startswith("Change the members that are sent") for text in shared), shared


def test_the_members_of_answers_are_explained_and_the_explained_are_there() -> None:
    schemas = conformity.document()["components"]["schemas"]
    for name in ("Payment", "Order", "Refund", "Voucher", "PaymentLink", "WebhookEndpoint", "WebhookDelivery", "Event"):
        assert [member for member, one in schemas[name]["properties"].items() if not one.get("description")] == []
    for name, members in answer_docs.OF.items():
        assert set(members) <= set(schemas[name]["properties"]), name


def test_every_event_is_shown_as_the_webhook_that_it_is() -> None:
    webhooks = conformity.document()["webhooks"]
    assert set(webhooks) == set(EVENT_TYPES)
    for name, methods in webhooks.items():
        body = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["allOf"][1]["properties"]["type"] == {"const": name}
        assert methods["post"]["description"]


def _inputs(operation: dict[str, Any], schemas: dict[str, Any]) -> set[str]:
    """The names of the schemas of an operation's request, with those of its parts."""
    found: set[str] = set()
    waiting = [operation.get("requestBody", {})]
    while waiting:
        for part in parts(waiting.pop()):
            name = part.get("$ref", "").rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                waiting.append(schemas[name])
    return found


def test_no_parameter_of_an_address_is_null() -> None:
    for path, operation in operations(conformity.document()):
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            assert isinstance(schema.get("type"), str) or "anyOf" in schema, (path, parameter)
            assert "null" not in json.dumps(schema), (path, parameter)


def test_no_two_schemas_have_one_title() -> None:
    schemas = conformity.document()["components"]["schemas"]
    assert {name: schema["title"] for name, schema in schemas.items() if schema.get("title", name) != name} == {}


def test_patterns_are_read_by_every_engine() -> None:
    """RE2, which most languages but Python have, knows nothing that looks around or back."""
    patterns = [schema["pattern"] for schema in parts(conformity.document()) if isinstance(schema.get("pattern"), str)]
    assert len(patterns) > 50
    assert [pattern for pattern in patterns if re.search(r"\(\?[=!<]|\\[1-9]", pattern)] == []
    for pattern in patterns:
        re.compile(pattern)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict):
        yield value
    for member in inner:
        yield from parts(member)


def test_the_stream_is_told_with_where_it_is(settings: Any) -> None:
    operation_docs = conformity.document()["paths"]["/v1/events/stream"]["get"]
    assert operation_docs["servers"] == [{"url": settings.STREAM_URL}]
    assert list(operation_docs["responses"]["200"]["content"]) == ["text/event-stream"]


def test_every_post_with_a_key_takes_an_idempotency_key_but_those_that_change_nothing() -> None:
    without = {
        path
        for path, methods in conformity.document()["paths"].items()
        for method, operation_doc in methods.items()
        if method == "post"
        and {"apiKey": []} in operation_doc.get("security", [])
        and not any(
            given["name"] == "Idempotency-Key" and given["required"] for given in operation_doc.get("parameters", [])
        )
    }
    assert without == {
        "/v1/refunds/plan",
        "/v1/file_mappings/{mapping_id}/preview",
        "/v1/provider_accounts/{provider_account_id}/matching_rules/preview",
    }


@pytest.mark.django_db
def test_what_the_type_of_a_refusal_leads_to() -> None:
    members = refusal(Client().get("/v1/payments"), 401, "authentication_required")
    path = "/" + members["type"].split("/", 3)[3]
    assert "authentication_required" in Client().get(path).content.decode()
    refusal(Client().get("/v1/errors/<script>"), 404, "not_found")
