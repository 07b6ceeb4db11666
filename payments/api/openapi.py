"""The OpenAPI document: every address with every answer it gives, refusals too."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from payments.api.inputs import Input, Nothing, Query
from payments.api.schemas import COMPONENTS, PROBLEM, Schema

Method = TypeVar("Method", bound=Callable[..., Any])

PROBLEM_TYPE: Final = "application/problem+json"
# What any address may answer beside what it is for.
_ANYWHERE: Final = (405, 500, 503)
_WITH_KEY: Final = (401, 403, 422)
_WITH_BODY: Final = (400, 413, 415, 422)
_REFUSALS: Final[Mapping[int, str]] = {
    400: "The request cannot be read.",
    401: "No API key, or a wrong one.",
    403: "The key may not do this.",
    404: "There is no such object for this merchant.",
    405: "The address does not take this method.",
    409: "The object's state does not allow it now, or the first request of this key still runs.",
    413: "The body is too large.",
    415: "The body is not of this Content-Type.",
    422: "What was asked cannot be understood or allowed; `errors` names every fault.",
    429: "Too many requests; wait as long as Retry-After says.",
    500: "A defect. Repeat the request with the same Idempotency-Key.",
    503: "The database is busy. Repeat the request with the same Idempotency-Key.",
}
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    required=True,
    description="A new one for every new wish, the same one to repeat it.",
)


def described(
    name: str,
    summary: str,
    answers: Mapping[int, Schema | None],
    *,
    body: type[Input] | Mapping[str, Any] | None = None,
    query: type[Query] | None = None,
    refusals: Sequence[int] = (),
    with_key: bool = True,
    once: bool = True,
    tag: str,
) -> Callable[[Method], Method]:
    """Describe one method of an address: `name` is unique; `once` says that it takes an Idempotency-Key."""
    statuses = {*_ANYWHERE, *(_WITH_KEY if with_key else ()), *refusals}
    parameters: list[Any] = [query] if query is not None else []
    if body is not None:
        statuses |= {*_WITH_BODY, *((409,) if once else ())}
        parameters += [IDEMPOTENCY_KEY] if once else []
    responses: dict[Any, Any] = {
        status: OpenApiResponse(schema, description=summary) if schema is not None else OpenApiResponse()
        for status, schema in answers.items()
    }
    for status in sorted(statuses):
        responses[status, PROBLEM_TYPE] = OpenApiResponse(PROBLEM, description=_REFUSALS[status])
    return extend_schema(
        operation_id=name,
        summary=summary,
        parameters=parameters,
        request=None if body is Nothing else body,
        responses=responses,
        tags=[tag],
        auth=None if with_key else [],
    )


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """Add the schemas that answers refer to, and say that no input takes unknown fields."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    for schema in schemas.values():
        if schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
        for member in schema.get("properties", {}).values():
            if "null" in member.get("type", ()) and "enum" in member:
                member["enum"].append(None)
    schemas.update(COMPONENTS)
    result["paths"]["/v1/events/stream"] = _stream()
    return result


def _stream() -> Schema:
    """The one address that the process of polls and streams serves, where no view of ours describes itself."""
    refused = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    told = {str(at): {"description": _REFUSALS[at], "content": refused} for at in (401, 403, 405, 422, 500, 503)}
    elsewhere = {"description": "Ask at `stream_url`, as `GET /v1` tells it.", "content": refused}
    lines = {"description": "Events as they happen.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    last = {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}, "description": "Go on after it."}
    return {
        "get": {
            "servers": [{"url": settings.STREAM_URL}],
            "operationId": "stream_events",
            "summary": "Every change as it happens",
            "tags": ["Events"],
            "parameters": [last],
            "security": [{"apiKey": []}],
            "responses": {"200": lines, **told, "404": elsewhere},
        },
    }
