"""What may be sent: form fields read into their types, unknown ones refused.

The fake carries the shapes of what it serves. Where the recorded request schemas of the SDK's API version lie beside
the project, every request is held to those as well, so that the fake cannot be more lenient than Stripe.
"""

import json
import re
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator

from tests.fake_stripe.errors import Refused, invalid
from tests.fakes.specification import SHARED as SHARED
from tests.fakes.specification import Schema, shape

RECORDED: Final = SHARED / "specs" / "stripe-request-schemas-endive.json"

TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer"}
YES: Final[Schema] = {"type": "boolean"}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
METADATA: Final[Schema] = {"type": "object", "additionalProperties": TEXT}

CREATED: Final = {"anyOf": [shape(gt=WHOLE, gte=WHOLE, lt=WHOLE, lte=WHOLE), WHOLE]}
EXPAND: Final = shape(expand=TEXTS)
LISTED: Final = {"limit": WHOLE, "starting_after": TEXT, "ending_before": TEXT, "expand": TEXTS, "created": CREATED}
CAPTURES: Final = {"enum": ["automatic", "automatic_async", "manual"], "type": "string"}
STATEMENT: Final = {"description": TEXT, "statement_descriptor": TEXT, "statement_descriptor_suffix": TEXT}
OWN: Final[dict[str, Schema]] = {
    "POST /v1/payment_intents": shape(
        "amount",
        "currency",
        amount=WHOLE,
        currency=TEXT,
        allowed_payment_method_types=TEXTS,
        capture_method=CAPTURES,
        confirm=YES,
        confirmation_token=TEXT,
        error_on_requires_action=YES,
        expand=TEXTS,
        metadata=METADATA,
        payment_method=TEXT,
        payment_method_data=shape("type", type=TEXT),
        return_url=TEXT,
        **STATEMENT,
    ),
    "GET /v1/payment_intents": shape(**LISTED),
    "GET /v1/payment_intents/{id}": EXPAND,
    "POST /v1/payment_intents/{id}/capture": shape(
        amount_to_capture=WHOLE, final_capture=YES, metadata=METADATA, expand=TEXTS
    ),
    "POST /v1/payment_intents/{id}/cancel": shape(cancellation_reason=TEXT, expand=TEXTS),
    "POST /v1/checkout/sessions": shape(
        adaptive_pricing=shape(enabled=YES),
        allowed_payment_method_types=TEXTS,
        cancel_url=TEXT,
        client_reference_id=TEXT,
        customer_email=TEXT,
        expand=TEXTS,
        expires_at=WHOLE,
        line_items={
            "type": "array",
            "items": shape(
                quantity=WHOLE,
                price_data=shape("currency", currency=TEXT, unit_amount=WHOLE, product_data=shape("name", name=TEXT)),
            ),
        },
        metadata=METADATA,
        mode=TEXT,
        payment_intent_data=shape(capture_method=CAPTURES, metadata=METADATA, **STATEMENT),
        payment_method_configuration=TEXT,
        success_url=TEXT,
    ),
    "GET /v1/checkout/sessions": shape(payment_intent=TEXT, **LISTED),
    "GET /v1/checkout/sessions/{id}": EXPAND,
    "POST /v1/checkout/sessions/{id}/expire": EXPAND,
    "POST /v1/refunds": shape(
        amount=WHOLE, payment_intent=TEXT, charge=TEXT, metadata=METADATA, reason=TEXT, expand=TEXTS
    ),
    "GET /v1/refunds": shape(payment_intent=TEXT, charge=TEXT, **LISTED),
    "GET /v1/refunds/{id}": EXPAND,
    "GET /v1/balance_transactions": shape(payout=TEXT, source=TEXT, type=TEXT, **LISTED),
    "GET /v1/payouts": shape(status=TEXT, **LISTED),
    "GET /v1/payouts/{id}": EXPAND,
    "GET /v1/terminal/readers/{id}": EXPAND,
    "POST /v1/terminal/readers/{id}/process_payment_intent": shape(
        "payment_intent",
        payment_intent=TEXT,
        process_config=shape(enable_customer_cancellation=YES, skip_tipping=YES),
    ),
    "POST /v1/terminal/readers/{id}/cancel_action": EXPAND,
    "GET /v1/events": shape(type=TEXT, **LISTED),
}


def read(endpoint: str, encoded: str) -> dict[str, Any]:
    """The parameters of a request, typed and checked.

    Raises:
        Refused: one that is unknown, missing or of another type.
    """
    own = OWN[endpoint]
    params: dict[str, Any] = typed(nested(encoded), own, own)
    for schema in (own, recorded().get(endpoint, own)):
        _check(params, schema)
    return params


@cache
def recorded() -> dict[str, Schema]:
    """The recorded schemas; none where they are not at hand."""
    endpoints: dict[str, Schema] = json.loads(RECORDED.read_text())["endpoints"] if RECORDED.exists() else {}
    return endpoints


def nested(encoded: str) -> dict[str, Any]:
    """Stripe's form encoding: `a[b][0][c]=d`."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        path = [name.partition("[")[0], *re.findall(r"\[([^\]]*)\]", name)]
        node = root
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1] or str(len(node))] = value
    return root


def typed(value: Any, schema: Schema, root: Schema) -> Any:
    """Texts as the types their schema asks for; what does not fit stays as it is, for the check to refuse."""
    for choice in schema.get("anyOf", ()):
        if isinstance(value, dict) == (choice.get("type") == "object"):
            return typed(value, choice, root)
    kind = schema.get("type")
    if kind == "object" and isinstance(value, dict):
        others = schema.get("additionalProperties") or {}
        known = schema.get("properties", {})
        return {name: typed(inner, known.get(name, others), root) for name, inner in value.items()}
    if kind == "array" and isinstance(value, dict):
        return [typed(value[at], schema["items"], root) for at in sorted(value, key=int)]
    if kind == "integer" and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    return value == "true" if kind == "boolean" and value in ("true", "false") else value


def _check(params: dict[str, Any], schema: Schema) -> None:
    for error in _validator(json.dumps(schema)).iter_errors(params):
        raise _refusal(error)


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))


def _refusal(error: Any) -> Refused:
    where = "".join(f"[{step}]" if at else str(step) for at, step in enumerate(error.absolute_path))
    if error.validator == "additionalProperties":
        unknown = re.findall(r"'([^']+)'", error.message)[0]
        param = f"{where}[{unknown}]" if where else unknown
        return invalid(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)
    if error.validator == "required":
        param = re.findall(r"'([^']+)'", error.message)[0]
        return invalid(f"Missing required param: {param}.", code="parameter_missing", param=param)
    return invalid(f"Invalid {where}: {error.message}", param=where)
