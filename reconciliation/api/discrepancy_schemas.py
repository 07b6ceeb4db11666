"""How settlements and discrepancies are described in the OpenAPI document."""

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
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind
from reconciliation.models import SettlementLine
from reconciliation.models.settlement import TYPES
from reconciliation.services.open_balance import ACTIONS
from reconciliation.services.severity import Severity

_DISCREPANCY: Final[dict[str, Schema]] = {
    "id": identifier("dsc"),
    "object": word("discrepancy"),
    "kind": words(DiscrepancyKind.values),
    "status": words(Discrepancy.Status.values),
    "amount": maybe(MINOR_UNITS),
    "currency": maybe(CURRENCY),
    "terminal": maybe(identifier("trm")),
    "payment": maybe(identifier("pay")),
    "sequences": maybe(many(many(WHOLE))),
    "settlement_file": maybe(identifier("stl")),
    "detail": TEXT,
    "assigned_to": maybe(TEXT),
    "created_at": INSTANT,
    "resolved_at": maybe(INSTANT),
    "test_mode": FLAG,
}
DISCREPANCY = define("Discrepancy", record(**_DISCREPANCY))
_QUESTION: Final = maybe(
    record(
        how=word("fetch", "letter"),
        provider_account=maybe(identifier("pac")),
        language=maybe(word("nl", "en")),
        subject=maybe(TEXT),
        body=maybe(TEXT),
    )
)
RESOLVED_DISCREPANCY = define("ResolvedDiscrepancy", record(**_DISCREPANCY, asked=_QUESTION))
_SIGNAL: Final = record(name=TEXT, ours=TEXT, theirs=TEXT, agrees=FLAG)
SETTLEMENT = define(
    "Settlement",
    record(
        **{"from": maybe(DAY)},
        id=identifier("stl"),
        object=word("settlement"),
        provider_account=identifier("pac"),
        reference=TEXT,
        to=maybe(DAY),
        currency=CURRENCY,
        gross=MINOR_UNITS,
        fees=MINOR_UNITS,
        vat=MINOR_UNITS,
        net=MINOR_UNITS,
        payout=maybe(identifier("pyo")),
        file=identifier("stl"),
        lines=WHOLE,
        open=MINOR_UNITS,
        test_mode=FLAG,
    ),
)
SETTLEMENT_LINE = define(
    "SettlementLine",
    record(
        line=WHOLE,
        type=words(list(TYPES)),
        reference=maybe(TEXT),
        payment=maybe(identifier("pay")),
        operation=maybe(identifier("op")),
        gross=MINOR_UNITS,
        fee=MINOR_UNITS,
        vat=MINOR_UNITS,
        net=MINOR_UNITS,
        currency=CURRENCY,
        occurred_at=INSTANT,
        match=maybe(record(rule=words(SettlementLine.Rule.values), signals=many(_SIGNAL))),
        discrepancies=many(identifier("dsc")),
    ),
)
WHOLE_DISCREPANCY = define(
    "DiscrepancyInFull",
    record(
        **_DISCREPANCY,
        asked=_QUESTION,
        severity=words(Severity),
        due_on=DAY,
        candidates=many(
            record(
                id=TEXT,
                type=words(["payment", "payout", "bank_line"]),
                amount=MINOR_UNITS,
                currency=CURRENCY,
                signals=many(_SIGNAL),
            )
        ),
        actions=many(
            record(
                action=words(ACTIONS),
                needs_second_person=FLAG,
                books=many(record(account=TEXT, item=maybe(WHOLE), debit=MINOR_UNITS, credit=MINOR_UNITS)),
            )
        ),
    ),
)
