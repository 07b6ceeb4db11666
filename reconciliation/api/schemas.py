"""How reconciliation's answers are described in the OpenAPI document."""

from typing import Final

from payments.api.schemas import (
    CURRENCY,
    DAY,
    FLAG,
    INSTANT,
    MINOR_UNITS,
    TEXT,
    WHOLE,
    Schema,
    define,
    identifier,
    many,
    maybe,
    record,
    word,
    words,
)
from reconciliation.models import (
    Payout,
    SettlementFile,
)

SETTLEMENT_FILE = define(
    "SettlementFile",
    record(
        id=identifier("stl"),
        object=word("settlement_file"),
        name=maybe(TEXT),
        format=maybe(TEXT),
        status=words(SettlementFile.Status.values),
        duplicate_of=maybe(identifier("stl")),
        provider_account=maybe(identifier("pac")),
        lines=WHOLE,
        currency=maybe(CURRENCY),
        opening=maybe(MINOR_UNITS),
        closing=maybe(MINOR_UNITS),
        gross=maybe(MINOR_UNITS),
        fees=maybe(MINOR_UNITS),
        vat=maybe(MINOR_UNITS),
        net=maybe(MINOR_UNITS),
        problems=many(record(line=maybe(WHOLE), code=TEXT, detail=TEXT)),
        created_at=INSTANT,
        finished_at=maybe(INSTANT),
        test_mode=FLAG,
    ),
)
BANK_ACCOUNT = define(
    "BankAccount",
    record(
        id=identifier("bnk"),
        object=word("bank_account"),
        iban=TEXT,
        name=TEXT,
        currency=CURRENCY,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)
PAYOUT = define(
    "Payout",
    record(
        id=identifier("pyo"),
        object=word("payout"),
        provider_account=identifier("pac"),
        settlement_file=identifier("stl"),
        reference=TEXT,
        amount=MINOR_UNITS,
        amount_received=MINOR_UNITS,
        currency=CURRENCY,
        status=words(Payout.Status.values),
        expected_on=maybe(DAY),
        received_on=maybe(DAY),
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)
UPLOAD: Final[Schema] = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "format": {"type": "string", "maxLength": 40},
        "provider_account": {"type": "string", "maxLength": 64},
    },
    "required": ["file"],
    "additionalProperties": False,
}
