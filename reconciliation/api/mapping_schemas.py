"""JSON Schemas of file mappings, for the OpenAPI document and for the examples in it."""

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
from reconciliation.formats import layout

_STRINGS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
FILE_MAPPING = define(
    "FileMapping",
    record(
        id=identifier("map"),
        object=word("file_mapping"),
        name=TEXT,
        kind=word("settlement", "bank"),
        provider_account=maybe(identifier("pac")),
        bank_account=maybe(identifier("bnk")),
        format=word("csv", "xlsx"),
        encoding=words(layout.ENCODINGS),
        delimiter=words(layout.DELIMITERS),
        decimal=word(",", "."),
        date_format=TEXT,
        header_row=WHOLE,
        sheet=TEXT,
        sign=word("signed", "debit_credit", "by_type"),
        fees=word("positive", "negative"),
        columns=_STRINGS,
        types=_STRINGS,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)
MAPPING_PREVIEW = define(
    "FileMappingPreview",
    record(
        rows=many(
            record(
                line=WHOLE,
                date=DAY,
                type=TEXT,
                amount=MINOR_UNITS,
                currency=CURRENCY,
                fee=MINOR_UNITS,
                vat=MINOR_UNITS,
                net=MINOR_UNITS,
                reference=TEXT,
                payment_reference=TEXT,
                order=TEXT,
                rrn=TEXT,
                tid=TEXT,
                authorization_code=TEXT,
                card=TEXT,
                description=TEXT,
                counterparty=TEXT,
                iban=TEXT,
            )
        ),
        problems=many(record(line=maybe(WHOLE), code=TEXT, detail=TEXT)),
    ),
)
EXAMPLE: Final[Schema] = {
    "type": "object",
    "properties": {"file": {"type": "string", "format": "binary"}},
    "required": ["file"],
    "additionalProperties": False,
}
