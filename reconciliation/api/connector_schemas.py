"""How connectors and their outboxes are described in the OpenAPI document."""

from typing import Final

from django.conf import settings

from payments.api.schemas import (
    CURRENCY,
    DAY,
    FLAG,
    INSTANT,
    TEXT,
    WHOLE,
    define,
    identifier,
    maybe,
    record,
    word,
    words,
)
from reconciliation.models import Connector, ConnectorDocument

_TROUBLE: Final = maybe(record(code=TEXT, detail=TEXT))
CONNECTOR = define(
    "Connector",
    record(
        id=identifier("con"),
        object=word("connector"),
        kind=words(settings.CONNECTORS),
        name=TEXT,
        status=word(*Connector.Status.values),
        administration=maybe(TEXT),
        settings={"type": "object", "additionalProperties": {"type": "string"}},
        sends=word(*Connector.Sends.values),
        days=word(*Connector.Days.values),
        starts_on=DAY,
        error=_TROUBLE,
        last_run_at=maybe(INSTANT),
        pending=WHOLE,
        sent=WHOLE,
        failed=WHOLE,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)
CONNECTOR_ENTRY = define(
    "ConnectorEntry",
    record(
        id=identifier("cne"),
        object=word("connector_entry"),
        entry=identifier("jrn"),
        key=TEXT,
        book_date=DAY,
        currency=CURRENCY,
        status=word(*ConnectorDocument.Status.values),
        remote_id=maybe(TEXT),
        attempts=WHOLE,
        error=_TROUBLE,
        sent_at=maybe(INSTANT),
    ),
)
