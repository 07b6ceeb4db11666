"""The documentation is on this very server, and needs nothing from anywhere else."""

import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

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
    ids = [told["operationId"] for methods in document["paths"].values() for told in methods.values()]
    assert len(ids) == len(set(ids))


def test_the_stream_is_told_with_where_it_is(settings: Any) -> None:
    told = conformity.document()["paths"]["/v1/events/stream"]["get"]
    assert told["servers"] == [{"url": settings.STREAM_URL}]
    assert list(told["responses"]["200"]["content"]) == ["text/event-stream"]


def test_every_post_with_a_key_takes_an_idempotency_key_but_the_plan() -> None:
    without = {
        path
        for path, methods in conformity.document()["paths"].items()
        for method, told in methods.items()
        if method == "post"
        and {"apiKey": []} in told.get("security", [])
        and not any(given["name"] == "Idempotency-Key" and given["required"] for given in told.get("parameters", []))
    }
    assert without == {"/v1/refunds/plan"}


@pytest.mark.django_db
def test_what_the_type_of_a_refusal_leads_to() -> None:
    members = refusal(Client().get("/v1/payments"), 401, "authentication_required")
    path = "/" + members["type"].split("/", 3)[3]
    assert "authentication_required" in Client().get(path).content.decode()
    assert Client().get("/v1/errors/a_code_without_words_of_its_own").status_code == 200
    refusal(Client().get("/v1/errors/<script>"), 404, "not_found")
