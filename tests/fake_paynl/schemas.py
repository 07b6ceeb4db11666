"""What may be sent to Pay.nl: what the fake carries itself, and the published specifications where they are at hand."""

from typing import Final

from tests.fakes.specification import TEXT, WHOLE, YES, Specification, shape

_AMOUNT: Final = shape("value", value={"type": "integer", "minimum": 1}, currency=TEXT)
_SERVICE: Final = {"type": "string", "pattern": r"^SL-[0-9]{4}-[0-9]{4}$"}
_STATS: Final = shape(extra1=TEXT, extra2=TEXT, extra3=TEXT)
_REFERENCE: Final = {"type": "string", "pattern": "^[A-Za-z0-9]+$"}

SPECIFICATION: Final = Specification(
    {
        "POST /v1/orders": shape(
            "serviceId",
            "amount",
            serviceId=_SERVICE,
            amount=_AMOUNT,
            reference=_REFERENCE,
            description=TEXT,
            expire=TEXT,
            returnUrl=TEXT,
            exchangeUrl=TEXT,
            integration=shape(test=YES),
            stats=_STATS,
            paymentMethod=shape("id", id=WHOLE, input=shape(terminalCode=TEXT)),
        ),
        "PATCH /v1/orders/{id}/capture/amount": shape("amount", amount=WHOLE),
        "PATCH /v1/orders/{id}/void": shape(),
        "PATCH /v1/orders/{id}/abort": shape(),
        "PATCH /v1/orders/{id}/approve": shape(),
        "PATCH /v1/orders/{id}/decline": shape(),
        # Without an amount Pay.nl gives everything back: nothing of ours may ever send that.
        "PATCH /v2/transactions/{id}/refund": shape(
            "amount", amount=_AMOUNT, description={"type": "string", "maxLength": 32, "minLength": 1}, exchangeUrl=TEXT
        ),
    },
    {
        "paynl/paynl-connect-v1.openapi.json": "",
        "paynl/paynl-gms-v2.openapi.json": "/v2",
        "paynl/paynl-transactions-v2.openapi.json": "/v2",
    },
)
