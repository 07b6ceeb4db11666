"""The OpenAPI document: every address with every answer it gives, refusals too."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from payments.api.examples import examples
from payments.api.inputs import Nothing, Query
from payments.api.json_schema import body_of, field_descriptions, parameters_of, with_sentences
from payments.api.schemas import COMPONENTS, PROBLEM, Schema
from payments.api.webhook_docs import webhooks
from payments.core.inputs import Input

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
    422: "The request is not valid; `errors` names every fault.",
    429: "Too many requests; wait as long as Retry-After says.",
    500: "A defect. Repeat the request with the same Idempotency-Key.",
    503: "The database is busy. Repeat the request with the same Idempotency-Key.",
}
# A device's signature goes with every request of its own, in these headers at once.
DEVICE_HEADERS: Final = {
    "terminalId": "Terminal-Id",
    "webhookId": "webhook-id",
    "webhookTimestamp": "webhook-timestamp",
    "webhookSignature": "webhook-signature",
}
# What each part of the document is about.
TAGS: Final[dict[str, str]] = {
    "Channels": "Webshops and stores.",
    "Chargebacks": "What cardholders' banks take back.",
    "Customers": "Who buys, in whatever channel, and forgetting them.",
    "Devices": "What card terminals post, signed.",
    "Events": "Every change, as a list and as a stream.",
    "Keys": "What the key that asks may do.",
    "Ledger": "Accounts, journal entries, postings, open items.",
    "Merchant": "The rules by which the merchant's money is given back.",
    "Orders": "What one customer owes, over all channels and tenders.",
    "Payment links": "Addresses at which a customer pays.",
    "Payments": "One tender towards an order: taken, captured, canceled.",
    "Provider accounts": "Contracts with payment providers.",
    "Reconciliation": "Settlements, payouts, bank statements and discrepancies.",
    "Refunds": "Money given back, by any channel and route.",
    "Statistics": "Sales and refunds, including those of a moment ago.",
    "Terminals": "Card terminals: made, paired, revoked.",
    "Vouchers": "Gift and credit vouchers.",
    "Webhooks in": "What providers tell us.",
    "Webhooks out": "The addresses that events are sent to.",
}
# What stands in the addresses.
_PLACES: Final = {
    "account_id": "An account of the ledger, or a provider account where a provider asks, by its id.",
    "code": "The voucher's code, with or without spaces and dashes.",
    "day": "A business day as YYYY-MM-DD.",
    "file_id": "A settlement file, by its id.",
    "endpoint_id": "A webhook endpoint, by its id.",
    "entry_id": "An entry of the journal, by its id.",
    "link_id": "A payment link, by its id.",
    "mapping_id": "A file mapping, by its id.",
    "month": "A month as YYYY-MM.",
    "provider": "The provider's name in `GET /v1/providers`.",
    "reference": "Your own number of the customer, or the `cus_…` id.",
}
_QUERIES: Final[dict[str, type[Query]]] = {}  # by the name of the operation
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    required=True,
    description="A new one for every new request, the same one to repeat it within 31 days; refusals are judged anew.",
)


def described(
    name: str,
    summary: str,
    answers: Mapping[int | tuple[int, str], Schema | None],
    *,
    body: type[Input] | Mapping[str, Any] | None = None,
    query: type[Query] | None = None,
    refusals: Sequence[int] = (),
    with_key: bool = True,
    by_device: bool = False,
    once: bool = True,
    tag: str,
) -> Callable[[Method], Method]:
    """Describe one method of an address: `name` is unique; `once` says that it takes an Idempotency-Key.

    An answer that is no JSON stands under its status and media type. `by_device` says that a terminal signs it, in
    place of a key.
    """
    statuses = {*_ANYWHERE, *(_WITH_KEY if with_key else ()), *refusals}
    parameters = _query_parameters(name, query) if query is not None else []
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
        request=_request(body),
        responses=responses,
        tags=[tag],
        auth=_auth(with_key=with_key, by_device=by_device),
    )


def _query_parameters(name: str, query: type[Query]) -> list[OpenApiParameter]:
    _QUERIES[name] = query
    return [OpenApiParameter(name, schema, OpenApiParameter.QUERY) for name, schema in parameters_of(query).items()]


def _request(body: type[Input] | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The body by its media type."""
    if body is None or isinstance(body, Mapping):
        return body
    return None if body is Nothing else {"application/json": body_of(body)}


def _auth(*, with_key: bool, by_device: bool) -> list[Any] | None:
    """Who may ask; None stands for holders of a key."""
    if by_device:
        return [{scheme: [] for scheme in DEVICE_HEADERS}]
    return None if with_key else []


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """Add what no view tells: schemas, which bodies must be sent, where and how to sign in, what each tag is about."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update({name: _titled(name, with_sentences(name, schema)) for name, schema in COMPONENTS.items()})
    schemes = result["components"].setdefault("securitySchemes", {})
    schemes |= {scheme: {"type": "apiKey", "in": "header", "name": name} for scheme, name in DEVICE_HEADERS.items()}
    result["paths"]["/v1/events/stream"] = _stream()
    operations = [operation for methods in result["paths"].values() for operation in methods.values()]
    for operation in operations:
        operation.setdefault("security", [])
        if _must_be_sent(operation.get("requestBody", {})):
            operation["requestBody"]["required"] = True
        _describe_parameters(operation)
        _show_example(operation)
    result["webhooks"] = webhooks()
    used = {tag for operation in operations for tag in operation["tags"]}
    result["tags"] = [{"name": name, "description": TAGS[name]} for name in sorted(used)]
    result["servers"] = [{"url": settings.PUBLIC_URL}]
    result["info"] |= {"contact": {"name": "Onetill", "url": f"{settings.PUBLIC_URL}/v1/docs"}}
    return result


def _describe_parameters(operation: Schema) -> None:
    """Give each parameter of an operation its description."""
    query = _QUERIES.get(operation["operationId"])
    descriptions = field_descriptions(query) if query else {}
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        if parameter["in"] == "query":
            parameter.update(descriptions.get(name, {}))
        elif parameter["in"] == "path":
            plain = name.removesuffix("_id").replace("_", " ")
            parameter["description"] = _PLACES.get(name, f"The {plain}, by its id.")
        elif name == "Idempotency-Key":
            operation["description"] += " Needs an `Idempotency-Key`: the same request with it is done once."


def _show_example(operation: Schema) -> None:
    """Put a request and its answer beside their schemas, where the document has an example of the operation."""
    shown = examples().get(operation["operationId"])
    if shown is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = shown["request"]
        operation["responses"][str(shown["status"])]["content"]["application/json"]["example"] = shown["answer"]


def _must_be_sent(body: Schema) -> bool:
    """Whether a body has members that a request cannot go without."""
    references = (kind["schema"].get("$ref", "") for kind in body.get("content", {}).values())
    return any("required" in COMPONENTS.get(reference.rpartition("/")[2], ()) for reference in references)


def _titled(name: str, schema: Schema) -> Schema:
    """A schema under its own name: generators of clients take a title for one, and two of the same for one class."""
    return {**schema, "title": name} if "title" in schema else schema


def _stream() -> Schema:
    """The one address that the process of polls and streams serves, where no view of ours describes itself."""
    refused = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refusals = {str(at): {"description": _REFUSALS[at], "content": refused} for at in (401, 403, 405, 422, 500, 503)}
    elsewhere = {"description": "Ask at `stream_url`, as `GET /v1` tells it.", "content": refused}
    lines = {"description": "Events as they happen.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    last = {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}, "description": "Go on after it."}
    return {
        "get": {
            "servers": [{"url": settings.STREAM_URL}],
            "operationId": "stream_events",
            "summary": "Every change as it happens",
            "description": "Send every event the moment it is final, as server-sent events. After a break, "
            "`Last-Event-ID` goes on where it was. Needs the scope `payments:read`.",
            "tags": ["Events"],
            "parameters": [last],
            "security": [{"apiKey": []}],
            "responses": {"200": lines, **refusals, "404": elsewhere},
        },
    }
