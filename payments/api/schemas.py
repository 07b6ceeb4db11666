"""How answers are described in the OpenAPI document: the counterpart of `payments.payloads`, held true by a test."""

from collections.abc import Iterable
from typing import Any, Final

from payments.models.chargeback import Chargeback
from payments.models.merchant import Channel
from payments.models.payment import Method, Origin, PaymentStatus
from payments.models.refund import CardVerdict, PartStatus, RefundStatus, Route
from payments.models.till import TillMovement
from payments.providers.base import Outcome, Verb

Schema = dict[str, Any]

# Every schema by its name; the other floors add theirs.
COMPONENTS: Final[dict[str, Schema]] = {}


def define(name: str, schema: Schema) -> Schema:
    """Name a schema, and return the reference to it."""
    COMPONENTS[name] = schema
    return {"$ref": f"#/components/schemas/{name}"}


def record(**members: Schema) -> Schema:
    """An object that has all of these, always."""
    return {"type": "object", "properties": members, "required": list(members)}


def maybe(schema: Schema) -> Schema:
    """This, or null."""
    if "anyOf" in schema:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    values = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **values}


def many(schema: Schema) -> Schema:
    """An array of these."""
    return {"type": "array", "items": schema}


def page_of(schema: Schema) -> Schema:
    """The envelope of a list of these."""
    return record(object=word("list"), data=many(schema), has_more=FLAG, next_cursor=maybe(TEXT))


def word(*words: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(words)}


def words(choices: Iterable[str]) -> Schema:
    """One of these words, of which more may come."""
    return {"type": "string", "description": f"One of: {', '.join(str(choice) for choice in choices)}; more may come."}


def identifier(prefix: str) -> Schema:
    """An id of this kind."""
    return {"type": "string", "pattern": f"^{prefix}_[0-9a-z]{{26}}$"}


TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer"}
MINOR_UNITS: Final[Schema] = {"type": "integer", "format": "int64"}
FLAG: Final[Schema] = {"type": "boolean"}
INSTANT: Final[Schema] = {"type": "string", "format": "date-time"}
DAY: Final[Schema] = {"type": "string", "format": "date"}
CURRENCY: Final[Schema] = {"type": "string", "pattern": "^[A-Z]{3}$"}
ADDRESS: Final[Schema] = {"type": "string", "format": "uri"}
PAIRS: Final[Schema] = {"type": "object", "additionalProperties": TEXT}
ANY_OBJECT: Final[Schema] = {"type": "object"}

FAULT = record(param=maybe(TEXT), code=TEXT, detail=TEXT)
PROBLEM = define(
    "Problem",
    {
        "type": "object",
        "properties": {
            "type": ADDRESS,
            "title": TEXT,
            "status": WHOLE,
            "detail": TEXT,
            "code": TEXT,
            "param": maybe(TEXT),
            "request_id": maybe(TEXT),
            "errors": many(FAULT),
        },
        "required": ["type", "title", "status", "detail", "code", "param", "request_id"],
    },
)
CHANNEL_REF = define("ChannelRef", record(id=identifier("chn"), name=TEXT, kind=words(Channel.Kind.values)))
ORDER_REF = define("OrderRef", record(id=identifier("ord"), reference=maybe(TEXT), namespace=TEXT))
ACCOUNT_REF = define("ProviderAccountRef", record(id=identifier("pac"), provider=TEXT, name=TEXT))
ROOT = define(
    "Root",
    record(
        version=TEXT,
        test_mode=FLAG,
        merchant=identifier("mer"),
        channel=maybe(CHANNEL_REF),
        scopes=many(TEXT),
        stream_url=ADDRESS,
    ),
)
_OF_CARD: Final = ("brand", "last4", "fingerprint", "entry_mode", "verification")
CARD = define("Card", record(**dict.fromkeys(_OF_CARD, maybe(TEXT))))
OPERATION = define(
    "Operation",
    record(
        id=identifier("op"),
        object=word("operation"),
        verb=words(Verb),
        amount=MINOR_UNITS,
        currency=CURRENCY,
        outcome=maybe(words(Outcome)),
        failure=maybe(record(code=TEXT, detail=TEXT)),
        provider_reference=maybe(TEXT),
        actor=TEXT,
        created_at=INSTANT,
        completed_at=maybe(INSTANT),
        test_mode=FLAG,
    ),
)
REASONS: Final[Schema] = many(record(route=TEXT, code=TEXT, detail=TEXT))
REFUND_PART = record(
    id=identifier("prt"),
    payment=maybe(identifier("pay")),
    operation=maybe(identifier("op")),
    amount=MINOR_UNITS,
    route=words(Route.values),
    status=words(PartStatus.values),
    expected_at=maybe(INSTANT),
    provider_reference=maybe(TEXT),
    failure=maybe(record(code=TEXT, detail=TEXT)),
    voucher=maybe(record(id=identifier("vch"), code=maybe(TEXT))),
    reasons=REASONS,
    card_match=maybe(record(verdict=words(CardVerdict.values), by=words(["par", "fingerprint", "last4", "nothing"]))),
)
REFUND = define(
    "Refund",
    record(
        id=identifier("ref"),
        object=word("refund"),
        order=ORDER_REF,
        amount=MINOR_UNITS,
        amount_succeeded=MINOR_UNITS,
        currency=CURRENCY,
        status=words(RefundStatus.values),
        reason=TEXT,
        channel=CHANNEL_REF,
        requested_by=TEXT,
        operator=maybe(TEXT),
        approvals=many(ANY_OBJECT),
        parts=many(REFUND_PART),
        exchange_for=maybe(identifier("ord")),
        metadata=PAIRS,
        occurred_at=INSTANT,
        business_day=DAY,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)
POSTING = record(
    line=WHOLE,
    account=identifier("acc"),
    code=TEXT,
    item=maybe(MINOR_UNITS),
    debit=MINOR_UNITS,
    credit=MINOR_UNITS,
    currency=CURRENCY,
)
ENTRY = define(
    "JournalEntry",
    record(
        id=identifier("jrn"),
        object=word("journal_entry"),
        key=TEXT,
        event=TEXT,
        book_date=DAY,
        occurred_at=INSTANT,
        booked_at=INSTANT,
        reverses=maybe(identifier("jrn")),
        postings=many(POSTING),
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)
_PAYMENT: Final[dict[str, Schema]] = {
    "id": identifier("pay"),
    "object": word("payment"),
    "order": ORDER_REF,
    "channel": CHANNEL_REF,
    "status": words(PaymentStatus.values),
    "amount": MINOR_UNITS,
    "currency": CURRENCY,
    "tip": MINOR_UNITS,
    "cashback": MINOR_UNITS,
    "amount_authorized": MINOR_UNITS,
    "amount_capturable": MINOR_UNITS,
    "amount_captured": MINOR_UNITS,
    "amount_refunded": MINOR_UNITS,
    "amount_charged_back": MINOR_UNITS,
    "amount_refundable": MINOR_UNITS,
    "method": maybe(words(Method.values)),
    "card": maybe(CARD),
    "provider_account": ACCOUNT_REF,
    "terminal": maybe(record(id=identifier("trm"), label=TEXT)),
    "next_action": maybe(record(type=word("redirect"), url=ADDRESS)),
    "expires_at": maybe(INSTANT),
    "failure": maybe(record(code=TEXT, detail=TEXT)),
    "origin": words(Origin.values),
    "occurred_at": INSTANT,
    "business_day": DAY,
    "receipt_number": maybe(TEXT),
    "provisional": FLAG,
    "change": maybe(MINOR_UNITS),
    "customer": maybe(identifier("cus")),
    "description": maybe(TEXT),
    "vat": many(ANY_OBJECT),
    "metadata": PAIRS,
    "created_at": INSTANT,
    "test_mode": FLAG,
}
_PAYMENT_LISTS: Final[dict[str, Schema]] = {
    "operations": many(OPERATION),
    "refunds": many(REFUND),
    "evidence": many(ANY_OBJECT),
    "journal_entries": many(ENTRY),
}
PAYMENT = define(
    "Payment",
    {"type": "object", "properties": {**_PAYMENT, **_PAYMENT_LISTS}, "required": list(_PAYMENT)},
)
CHARGEBACK = define(
    "Chargeback",
    record(
        id=identifier("cbk"),
        object=word("chargeback"),
        order=ORDER_REF,
        payment=identifier("pay"),
        amount=MINOR_UNITS,
        currency=CURRENCY,
        stage=words(Chargeback.Stage.values),
        status=words(Chargeback.Status.values),
        reason=maybe(TEXT),
        provider_reference=TEXT,
        opened_at=INSTANT,
        closed_at=maybe(INSTANT),
        respond_by=maybe(INSTANT),
        history=many(
            record(
                stage=words(Chargeback.Stage.values),
                status=words(Chargeback.Status.values),
                at=INSTANT,
                respond_by=maybe(INSTANT),
            )
        ),
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)
ORDER = define(
    "Order",
    record(
        id=identifier("ord"),
        object=word("order"),
        reference=maybe(TEXT),
        namespace=TEXT,
        invoice_reference=maybe(TEXT),
        channel=CHANNEL_REF,
        total=maybe(MINOR_UNITS),
        currency=CURRENCY,
        paid=MINOR_UNITS,
        refunded=MINOR_UNITS,
        charged_back=MINOR_UNITS,
        refundable=MINOR_UNITS,
        due=maybe(MINOR_UNITS),
        customer=maybe(identifier("cus")),
        payments=many(PAYMENT),
        refunds=many(REFUND),
        chargebacks=many(CHARGEBACK),
        outcome_unknown=maybe(record(payment=identifier("pay"), amount=MINOR_UNITS, age_seconds=WHOLE)),
        timeline=many(
            record(
                at=INSTANT,
                type=TEXT,
                channel=CHANNEL_REF,
                actor=TEXT,
                amount=MINOR_UNITS,
                currency=CURRENCY,
                object=record(id=TEXT, type=TEXT),
                operator=maybe(TEXT),
                reason=maybe(TEXT),
            )
        ),
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)
TILL_MOVEMENT = define(
    "TillMovement",
    record(
        id=identifier("til"),
        object=word("till_movement"),
        till=identifier("(drw|til)"),  # those made before have the latter
        channel=CHANNEL_REF,
        kind=words(TillMovement.Kind.values),
        amount=MINOR_UNITS,
        currency=CURRENCY,
        expected=MINOR_UNITS,
        counted=maybe(MINOR_UNITS),
        difference=maybe(MINOR_UNITS),
        operator=TEXT,
        reason=maybe(TEXT),
        terminal=maybe(identifier("trm")),
        occurred_at=INSTANT,
        business_day=DAY,
        test_mode=FLAG,
    ),
)
