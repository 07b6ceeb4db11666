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

_NUMBER: Final[Schema] = {"type": "number", "exclusiveMinimum": 0}
_HEADER: Final = shape(
    *("ProtocolVersion", "MessageClass", "MessageCategory", "MessageType", "SaleID", "ServiceID", "POIID"),
    ProtocolVersion={"const": "3.0"},
    MessageClass={"const": "Service"},
    MessageCategory=TEXT,
    MessageType={"const": "Request"},
    SaleID=TEXT,
    ServiceID={"type": "string", "pattern": "^[A-Z0-9]{1,10}$"},
    POIID=TEXT,
)
_ENVELOPE: Final = shape(
    "SaleToPOIRequest",
    SaleToPOIRequest={"type": "object", "properties": {"MessageHeader": _HEADER}, "required": ["MessageHeader"]},
)
_MOMENT: Final = shape("TransactionID", "TimeStamp", TransactionID=TEXT, TimeStamp=TEXT)
_SALE_DATA: Final = shape("SaleTransactionID", SaleTransactionID=_MOMENT, OperatorID=TEXT)
_AMOUNTS: Final = shape("Currency", "RequestedAmount", Currency=TEXT, RequestedAmount=_NUMBER)
_MESSAGE: Final = shape("MessageCategory", "SaleID", "ServiceID", MessageCategory=TEXT, SaleID=TEXT, ServiceID=TEXT)
# nexo messages by their category, as the published schemas of the Terminal API have them.
_NEXO: Final[dict[str, Schema]] = {
    "NEXO Payment": shape(
        "SaleData",
        "PaymentTransaction",
        SaleData=_SALE_DATA,
        PaymentTransaction=shape("AmountsReq", AmountsReq=_AMOUNTS),
        PaymentData=shape("PaymentType", PaymentType={"const": "Refund"}),
    ),
    "NEXO Reversal": shape(
        *("OriginalPOITransaction", "ReversalReason", "SaleData", "ReversedAmount"),
        OriginalPOITransaction=shape("POITransactionID", POITransactionID=_MOMENT),
        ReversalReason={"const": "MerchantCancel"},
        SaleData=_SALE_DATA,
        ReversedAmount=_NUMBER,
    ),
    "NEXO TransactionStatus": shape(
        "MessageReference", MessageReference=_MESSAGE, ReceiptReprintFlag={"type": "boolean"}
    ),
    "NEXO Abort": shape("MessageReference", "AbortReason", MessageReference=_MESSAGE, AbortReason=TEXT),
    "NEXO GetTotals": shape(),
}

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
        "POST /v1/merchants/{merchant}/devices/{device}/sync": _ENVELOPE,
        "POST /v1/merchants/{merchant}/devices/{device}/async": _ENVELOPE,
        "POST /nexo": _ENVELOPE,
        **_NEXO,
    },
    {"adyen/adyen-checkout-v72.openapi.json": "/v72"},
)
# Where the published schema of a nexo message's body is, where it is at hand.
TERMINAL_API: Final = "adyen/adyen-terminal-api-v1.openapi.json"
# Those that the published specification must have, where it is at hand.
PUBLISHED: Final = tuple(endpoint for endpoint in SPECIFICATION.own if endpoint.startswith("POST /v72/"))
