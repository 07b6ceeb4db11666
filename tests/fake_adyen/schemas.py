"""What the fake takes: a few closed shapes, and the published specification where it lies beside the project."""

from typing import Final

from tests.fakes.specification import TEXT, WHOLE, Schema, Specification, shape

_AMOUNT: Final = shape(
    "currency", "value", currency={"type": "string", "pattern": "^[A-Z]{3}$"}, value={"type": "integer", "minimum": 0}
)
_REFERENCE: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 80}
_URL: Final[Schema] = {"type": "string", "pattern": "^https?://"}
_CHARGE: Final[dict[str, Schema]] = {
    "merchantAccount": TEXT,
    "amount": _AMOUNT,
    "reference": _REFERENCE,
    "returnUrl": _URL,
    "captureDelayHours": WHOLE,
    "additionalData": shape("manualCapture", manualCapture={"enum": ["true"]}),
    "merchantOrderReference": TEXT,
    "shopperEmail": TEXT,
}
_STORED_CARD: Final = shape("type", "storedPaymentMethodId", type={"const": "scheme"}, storedPaymentMethodId=TEXT)
_CHANGE: Final = shape(
    "merchantAccount", "amount", "reference", merchantAccount=TEXT, amount=_AMOUNT, reference=_REFERENCE
)

SPECIFICATION: Final = Specification(
    {
        "POST /v72/sessions": shape(
            *("merchantAccount", "amount", "reference", "returnUrl", "mode", "expiresAt"),
            **_CHARGE,
            mode={"const": "hosted"},
            expiresAt=TEXT,
            allowedPaymentMethods={"type": "array", "items": TEXT, "minItems": 1},
        ),
        "POST /v72/payments": shape(
            *("merchantAccount", "amount", "reference", "returnUrl", "paymentMethod", "shopperReference"),
            **_CHARGE,
            paymentMethod=_STORED_CARD,
            shopperReference=TEXT,
            shopperInteraction={"const": "ContAuth"},
            recurringProcessingModel={"const": "CardOnFile"},
        ),
        "POST /v72/paymentMethods": shape("merchantAccount", merchantAccount=TEXT),
        "POST /v72/payments/{psp}/captures": _CHANGE,
        "POST /v72/payments/{psp}/refunds": _CHANGE,
        "POST /v72/payments/{psp}/cancels": shape(
            "merchantAccount", "reference", merchantAccount=TEXT, reference=_REFERENCE
        ),
    },
    {"adyen/adyen-checkout-v72.openapi.json": "/v72"},
)
# Those that the published specification must have, where it is at hand.
PUBLISHED: Final = tuple(SPECIFICATION.own)
