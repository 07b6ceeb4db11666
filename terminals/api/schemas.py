"""How terminals' requests and answers are described in the OpenAPI document."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter

from payments.api.json_schema import body_of
from payments.api.schemas import (
    ADDRESS,
    ANY_OBJECT,
    CHANNEL_REF,
    CURRENCY,
    DAY,
    FLAG,
    INSTANT,
    MINOR_UNITS,
    ORDER_REF,
    REFUND,
    TEXT,
    WHOLE,
    define,
    identifier,
    many,
    maybe,
    record,
    word,
    words,
)
from terminals import schemas
from terminals.models import ActionStatus, ActionType, Shift, Terminal

Schema = dict[str, Any]

RANGES: Final[Schema] = many({"type": "array", "items": WHOLE, "minItems": 2, "maxItems": 2})

TERMINAL = define(
    "Terminal",
    record(
        id=identifier("trm"),
        object=word("terminal"),
        channel=CHANNEL_REF,
        label=TEXT,
        status=words(Terminal.Status.values),
        provider_account=identifier("pac"),
        serial_number=maybe(TEXT),
        model=maybe(TEXT),
        driver=TEXT,
        device_id=maybe(TEXT),
        merchant_ids=many(ANY_OBJECT),
        pairing_code=maybe(TEXT),
        pairing_qr_svg=maybe(TEXT),
        pairing_expires_at=maybe(INSTANT),
        paired_at=maybe(INSTANT),
        series=WHOLE,
        last_sequence=WHOLE,
        missing_sequences=RANGES,
        last_seen_at=maybe(INSTANT),
        firmware=maybe(TEXT),
        queue_depth=maybe(WHOLE),
        battery=maybe(WHOLE),
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)
_ACTION: Final[dict[str, Schema]] = {
    "id": identifier("act"),
    "object": word("terminal_action"),
    "type": words(ActionType.values),
    "status": words(ActionStatus.values),
    "target": maybe(identifier("act")),
    "amount": maybe(MINOR_UNITS),
    "currency": maybe(CURRENCY),
    "order": maybe(ORDER_REF),
    "payment": maybe(identifier("pay")),
    "refund": maybe(identifier("ref")),
    "operator": maybe(TEXT),
    "expires_at": maybe(INSTANT),
    "created_at": INSTANT,
    "test_mode": FLAG,
}
DEVICE_ACTION = define("DeviceAction", record(**_ACTION))
ACTION = define(
    "TerminalAction",
    record(
        **_ACTION,
        terminal=record(id=identifier("trm"), label=TEXT),
        channel=CHANNEL_REF,
        reason=maybe(TEXT),
        requested_by=TEXT,
        presented_at=maybe(INSTANT),
        completed_at=maybe(INSTANT),
        history=many(record(at=INSTANT, status=words(ActionStatus.values), cause=TEXT, actor=TEXT)),
    ),
)
WAITING_REFUND = define("WaitingRefund", record(status=TEXT, refund=REFUND, approval=maybe(ANY_OBJECT)))
PAIRING = define(
    "Pairing",
    record(
        terminal=identifier("trm"),
        merchant=identifier("mer"),
        currency=CURRENCY,
        timezone=TEXT,
        series=WHOLE,
        next_sequence=WHOLE,
        stream_url=ADDRESS,
        secret=maybe(TEXT),
    ),
)
_RESULT: Final[dict[str, Schema]] = {
    "sequence": maybe(WHOLE),
    "status": words(["recorded", "duplicate", "conflict", "refused"]),
    "payment": maybe(identifier("pay")),
    "refund": maybe(identifier("ref")),
    "discrepancies": many(record(id=identifier("dsc"), kind=TEXT)),
    "error": maybe(record(code=TEXT, param=maybe(TEXT), detail=TEXT)),
}
_SERIES: Final[dict[str, Schema]] = {"missing_sequences": RANGES, "next_sequence": WHOLE}
RESULT = define("TransactionResult", record(**_RESULT))
ONE_RESULT = define("OneTransactionResult", record(**_RESULT, **_SERIES))
_NEWS: Final[dict[str, Schema]] = {
    "resolved": many(
        record(
            sequence=WHOLE,
            payment=maybe(identifier("pay")),
            refund=maybe(identifier("ref")),
            discrepancies=many(record(id=identifier("dsc"), kind=TEXT)),
        )
    )
}
RESULTS = define("TransactionResults", record(results=many(RESULT), **_SERIES, **_NEWS))
ALIVE = define("Alive", record(server_time=INSTANT, **_SERIES, **_NEWS))


_SUM: Final[Schema] = record(count=WHOLE, amount=WHOLE)
_COUNTED_TYPES: Final[Schema] = words(["sale", "refund", "reversal", "declined"])
SHIFT = define(
    "Shift",
    record(
        id=identifier("shf"),
        object=word("shift"),
        shift=TEXT,
        status=words(Shift.Status.values),
        terminal=record(id=identifier("trm"), label=TEXT),
        channel=CHANNEL_REF,
        series=WHOLE,
        opened_at=INSTANT,
        closed_at=maybe(INSTANT),
        business_day=DAY,
        first_sequence=WHOLE,
        last_sequence=maybe(WHOLE),
        totals=many(record(brand=maybe(TEXT), type=_COUNTED_TYPES, count=WHOLE, amount=WHOLE, currency=CURRENCY)),
        differences=many(
            record(
                brand=maybe(TEXT),
                type=_COUNTED_TYPES,
                currency=CURRENCY,
                device=_SUM,
                books=_SUM,
                sequences=RANGES,
            )
        ),
        overlaps=many(identifier("shf")),
        test_mode=FLAG,
    ),
)
ANSWERED = define(
    "AnsweredAction",
    {
        **record(**_ACTION),
        "properties": {**_ACTION, "transaction": RESULT, **_SERIES},
    },
)

EXPOSURE = define(
    "Exposure",
    record(
        object=word("exposure"),
        at=INSTANT,
        data=many(
            record(
                channel=CHANNEL_REF,
                terminal=maybe(record(id=identifier("trm"), label=TEXT)),
                currency=CURRENCY,
                count=WHOLE,
                amount=WHOLE,
                oldest_at=INSTANT,
                ages=many(record(from_days=WHOLE, to_days=maybe(WHOLE), count=WHOLE, amount=WHOLE)),
            )
        ),
    ),
)

TRANSACTION: Final = body_of(schemas.Transaction, prefix="Device")
POSTED: Final[Schema] = {
    "application/json": {
        "oneOf": [
            TRANSACTION,
            {
                "type": "object",
                "properties": {"transactions": {**many(TRANSACTION), "minItems": 1, "maxItems": 500}},
                "required": ["transactions"],
                "additionalProperties": False,
            },
        ]
    }
}
WORD_OR_TRANSACTION: Final[Schema] = {
    "application/json": {
        "oneOf": [
            TRANSACTION,
            {
                "type": "object",
                "properties": {"outcome": words(["unknown", "not_found", "in_progress", "aborted"])},
                "required": ["outcome"],
                "additionalProperties": False,
            },
        ]
    }
}


def _header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, {"type": "string"}, OpenApiParameter.HEADER, required=True, description=description)


SIGNED: Final = [
    _header("Terminal-Id", "The terminal's id, from pairing."),
    _header("webhook-id", "1 to 64 characters, new for every new request and the same to repeat one."),
    _header("webhook-timestamp", "Unix seconds, within 5 minutes of the server's."),
    _header("webhook-signature", "`v1,` or `v1a,` and the base64 of a signature over `{id}.{timestamp}.{body}`."),
]
