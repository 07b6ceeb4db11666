"""What the fake takes: a few closed shapes, and the published specification where it lies beside the project."""

from typing import Final

from tests.fakes.specification import TEXT, Schema, Specification, shape

_AMOUNT: Final = shape(
    "currency",
    "value",
    currency={"type": "string", "pattern": "^[A-Z]{3}$"},
    value={"type": "string", "pattern": r"^\d+(\.\d{2})?$"},
)
_METADATA: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 255}}
_DESCRIPTION: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 255}
_URL: Final[Schema] = {"type": "string", "pattern": "^https?://"}

SPECIFICATION: Final = Specification(
    {
        "POST /v2/payments": shape(
            *("amount", "description", "metadata"),
            amount=_AMOUNT,
            description=_DESCRIPTION,
            redirectUrl=_URL,
            webhookUrl=_URL,
            method=TEXT,
            captureMode={"enum": ["manual", "automatic"]},
            metadata=_METADATA,
            terminalId=TEXT,
            billingAddress=shape("email", email=TEXT),
        ),
        "POST /v2/payments/{id}/captures": shape(
            "amount", amount=_AMOUNT, description=_DESCRIPTION, metadata=_METADATA
        ),
        "POST /v2/payments/{id}/refunds": shape("amount", amount=_AMOUNT, description=_DESCRIPTION, metadata=_METADATA),
        "POST /v2/payments/{id}/release-authorization": shape(),
    },
    {"mollie/mollie-v2.openapi.json": ""},
)
# Those with a body that the published specification must have, where it is at hand.
PUBLISHED: Final = (
    "POST /v2/payments",
    "POST /v2/payments/{id}/captures",
    "POST /v2/payments/{id}/refunds",
    "POST /v2/payments/{id}/release-authorization",
)
