"""Holds every answer that a test gets against the OpenAPI document: an answer that is not written there fails it."""

import json
import re
from functools import cache
from typing import Any, Final

from django.test import Client
from jsonschema import Draft202012Validator, FormatChecker

from tests.responses import ClientResponse

PARAMETER: Final = re.compile(r"\{[^}]+\}")


def check(method: str, path: str, response: ClientResponse) -> None:
    """Compare a response with the OpenAPI document, if that has the address."""
    operation = _operation(method, path.partition("?")[0])
    if operation is None:
        return
    place = f"{method} {operation}"
    responses = document()["paths"][operation][method.lower()]["responses"]
    documented = responses.get(str(response.status_code))
    assert documented is not None, f"{place} does not say that it may answer {response.status_code}"
    if response.status_code == 204:
        assert not response.content
        return
    kind = response["Content-Type"].partition(";")[0]
    assert kind in documented["content"], f"{place} answers {response.status_code} as {kind}"
    if response.streaming:  # a file: of any content
        return
    validator = _validator(operation, method.lower(), response.status_code, kind)
    faults = [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(json.loads(response.content))]
    assert not faults, (place, response.status_code, faults)


@cache
def document() -> dict[str, Any]:
    """The document as it is published."""
    response = Client().get("/v1/openapi.json")
    assert response.status_code == 200
    published: dict[str, Any] = json.loads(response.content)
    return published


@cache
def _validator(path: str, method: str, status: int, kind: str) -> Draft202012Validator:
    schema = document()["paths"][path][method]["responses"][str(status)]["content"][kind]["schema"]
    return Draft202012Validator(
        {**_closed(schema), "components": _closed(document()["components"])}, format_checker=FormatChecker()
    )


def _closed(schema: Any) -> Any:
    """The same schema, but refusing members it does not name, except where refusals add theirs."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if "properties" in schema and "request_id" not in schema["properties"] and isinstance(schema["properties"], dict):
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """The addresses as patterns, those without parameters first."""
    paths = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [
        (re.compile(PARAMETER.sub("[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}"))), path)
        for path in paths
    ]


def _operation(method: str, path: str) -> str | None:
    for pattern, template in _patterns():
        if pattern.fullmatch(path) and method.lower() in document()["paths"][template]:
            return template
    return None
