"""How exports are described in the OpenAPI document."""

from typing import Final

from payments.api.schemas import (
    CHANNEL_REF,
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
from reconciliation import registry
from reconciliation.models import Export

FILE: Final[Schema] = {"type": "string", "format": "binary"}
EXPORT = define(
    "Export",
    record(
        id=identifier("exp"),
        object=word("export"),
        kind=words(registry.export_kinds()),
        profile=maybe(TEXT),
        **{"from": DAY},
        to=DAY,
        currency=CURRENCY,
        account=maybe(TEXT),
        channel=maybe(CHANNEL_REF),
        status=words(Export.Status.values),
        entries=maybe(WHOLE),
        postings=maybe(WHOLE),
        first_entry=maybe(identifier("jrn")),
        last_entry=maybe(identifier("jrn")),
        entries_sha256=maybe(TEXT),
        opening=maybe(MINOR_UNITS),
        closing=maybe(MINOR_UNITS),
        debit=maybe(MINOR_UNITS),
        credit=maybe(MINOR_UNITS),
        problems=many(record(code=TEXT, detail=TEXT, account=maybe(TEXT))),
        size=maybe(WHOLE),
        sha256=maybe(TEXT),
        url=maybe(TEXT),
        created_at=INSTANT,
        finished_at=maybe(INSTANT),
        test_mode=FLAG,
    ),
)
