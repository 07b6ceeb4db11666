"""Requests held against a provider's own published specification, so that a fake cannot be more lenient than it.

The specification lies beside the project on machines that have it, and is never part of it; the small one that the fake
carries is checked always. Only requests are held against it: published answers do not fit their own schemas often enough.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

Schema = dict[str, Any]
SHARED: Final = Path(__file__).parents[3] / "shared" / "samples"

TEXT: Final[Schema] = {"type": "string", "minLength": 1}
WHOLE: Final[Schema] = {"type": "integer"}
YES: Final[Schema] = {"type": "boolean"}


def shape(*required: str, **properties: Schema) -> Schema:
    """An object closed to unknown names."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


class Specification:
    """The fake's own schemas by endpoint, and the published ones of the files that are at hand.

    `published`: OpenAPI files below the shared providers' folder, each with what its paths lack in front
    (`{"paynl/gms.openapi.json": "/v2"}`).
    """

    def __init__(self, own: Mapping[str, Schema], published: Mapping[str, str]) -> None:
        self.own, self.published = own, published

    def problems(self, endpoint: str, body: Any) -> list[str]:
        """What is wrong with the body of a request, in words that name the place."""
        schemas = [self.own.get(endpoint), *(_request(file, front, endpoint) for file, front in self.published.items())]
        return [
            f"{'/'.join(map(str, error.absolute_path)) or 'body'}: {error.message}"
            for schema in schemas
            if schema is not None
            for error in _validator(json.dumps(schema)).iter_errors(body)
        ]

    def is_published(self, endpoint: str) -> bool:
        """Whether one of the files at hand has this endpoint."""
        return any(_operation(file, front, endpoint) is not None for file, front in self.published.items())


def _request(file: str, front: str, endpoint: str) -> Schema | None:
    """The schema of an endpoint's JSON body, with the components that it refers to."""
    operation = _operation(file, front, endpoint)
    content = (operation or {}).get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if schema is None:
        return None
    components = _components(file)
    return {**_as_request(_modern(schema), components), "components": components}


def _operation(file: str, front: str, endpoint: str) -> Schema | None:
    method, _, path = endpoint.partition(" ")
    for written, operations in _document(file).get("paths", {}).items():
        if _anonymous(front + written) == _anonymous(path):
            found: Schema | None = operations.get(method.lower())
            return found
    return None


def _anonymous(path: str) -> str:
    """A path without the names of its places: `/v1/orders/{}/void`."""
    return "/".join("{}" if step.startswith("{") else step for step in path.split("/"))


@cache
def _document(file: str) -> Schema:
    path = SHARED / "providers" / file
    document: Schema = json.loads(path.read_text()) if path.exists() else {}
    return document


@cache
def _components(file: str) -> Schema:
    components: Schema = _modern(_document(file).get("components", {}))
    requests: Schema = _as_request(components, components)
    return requests


def _modern(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema reads it: `nullable`, and limits that are excluded by a flag."""
    if isinstance(schema, list):
        return [_modern(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    read = {name: _modern(value) for name, value in schema.items()}
    for flag, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(read.get(flag), bool) and read.pop(flag) and limit in read:
            read[flag] = read.pop(limit)
    if read.pop("nullable", False) is True:
        return {"anyOf": [read, {"type": "null"}]}
    return read


def _as_request(schema: Any, components: Schema) -> Any:
    """A schema without what is required of answers alone: names that can only be read."""
    if isinstance(schema, list):
        return [_as_request(each, components) for each in schema]
    if not isinstance(schema, dict):
        return schema
    read = {name: _as_request(value, components) for name, value in schema.items()}
    required, properties = read.get("required"), read.get("properties")
    if isinstance(required, list) and isinstance(properties, dict):
        read["required"] = [name for name in required if not _is_read_only(properties.get(name), components)]
    return read


def _is_read_only(schema: Any, components: Schema) -> bool:
    if not isinstance(schema, dict):
        return False
    kind, _, name = str(schema.get("$ref", "")).removeprefix("#/components/").partition("/")
    named = components.get(kind, {}).get(name, {})
    return bool(schema.get("readOnly") or named.get("readOnly"))


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))
