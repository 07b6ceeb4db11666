"""The transaction as a device posts it: its form, its masking, and what makes two of them the same.

A transaction is read by one strict decoder. Only where that refuses is it read once more, field by field, so that
every fault is reported at once. Numbers typed by machines (RRN, STAN, TID, MID, EMV) have formats of their own; in
everything else a card number is masked, since a device's report is never refused for it.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from payments.core.crypto import keyed_hash
from payments.core.errors import Fault
from payments.core.money import EXPONENTS, MAX_AMOUNT
from payments.core.pan import has_card_number, mask_card_numbers
from terminals import validation_messages

MAX_SEQUENCE: Final = 2**31 - 1
MAX_REFERENCE: Final = 64
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)

Number = Annotated[int, Meta(ge=1, le=MAX_SEQUENCE)]
Amount = Annotated[int, Meta(ge=1, le=MAX_AMOUNT)]
Part = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")]
Instant = Annotated[datetime, Meta(tz=True)]
Reference = Annotated[str, Meta(min_length=1, max_length=MAX_REFERENCE)]
Id = Annotated[str, Meta(min_length=1, max_length=MAX_REFERENCE)]
ActionId = Annotated[str, Meta(pattern=r"^act_[0-9a-z]{26}$(?!\n)")]
Short = Annotated[str, Meta(max_length=64)]
Text = Annotated[str, Meta(max_length=200)]
Slip = Annotated[str, Meta(max_length=10_000)]
Hex = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{2,64}$(?!\n)")]
Code = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,8}$(?!\n)")]
PanSequence = Annotated[str, Meta(pattern=r"^[0-9]{1,3}$(?!\n)")]
# Four digits; a device that gives the whole number is not refused for it either, but the schema asks for four.
LastDigits = Annotated[str, Meta(pattern=r"^[0-9][0-9 -]{3,36}$(?!\n)", extra_json_schema={"pattern": "^[0-9]{4}$"})]
Visible40 = Annotated[str, Meta(pattern=r"^[!-~]([ -~]{0,38}[!-~])?$(?!\n)")]
Visible20 = Annotated[str, Meta(pattern=r"^[!-~]([ -~]{0,18}[!-~])?$(?!\n)")]

# ISO 8583 lengths: shorter than a card number, or (the merchant's id) of a form of its own and so left as it is.
_TYPED: Final = {"rrn": 12, "stan": 12, "acquirer_tid": 12, "acquirer_mid": 15}
_ORDER: Final = "order_reference"
_BARE_NUMBER: Final = re.compile(r"[0-9]{13,19}")
_FOUR_DIGITS: Final = re.compile(r"[0-9]{4}")


class Model(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The base of all parts of a transaction: unknown fields are refused, absent ones not stored."""


class Original(Model):
    """What a refund or reversal takes back; the most exact of these counts."""

    order: Id | None = None
    order_reference: Reference | None = None
    payment: Id | None = None
    sequence: Number | None = None
    receipt: Annotated[str, Meta(min_length=1, max_length=40)] | None = None


class Card(Model):
    """What a device may say of a card: never its number."""

    brand: Annotated[str, Meta(min_length=1, max_length=32)]
    last4: LastDigits
    fingerprint: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    par: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,35}$(?!\n)")] | None = None
    sequence_number: PanSequence | Annotated[int, Meta(ge=0, le=999)] | None = None


class Emv(Model):
    """The chip's data."""

    aid: Hex
    label: Short | None = None
    tvr: Hex | None = None
    tsi: Hex | None = None
    cryptogram: Hex | None = None
    arc: Code | None = None
    atc: Hex | None = None


class Receipt(Model):
    """What was printed."""

    customer: Slip | None = None
    merchant: Slip | None = None


class Transaction(Model):
    """One transaction. `amount` is what the card was charged or given; `tip` and `cashback` are parts of it."""

    sequence: Number
    type: Literal["sale", "refund", "reversal"]
    amount: Amount
    currency: Currency
    outcome: Literal["approved", "declined", "unknown"]
    occurred_at: Instant
    tip: Part | None = None
    cashback: Part | None = None
    offline: bool | None = None
    order_reference: Reference | None = None
    namespace: Reference | None = None
    order: Id | None = None
    action: ActionId | None = None
    original: Original | None = None
    resolves: Number | None = None
    operator: Annotated[str, Meta(max_length=100)] | None = None
    shift: Short | Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)] | None = None
    reason: Text | None = None
    card: Card | None = None
    entry_mode: Literal["contact", "contactless", "magstripe", "manual"] | None = None
    verification: Literal["online_pin", "offline_pin", "signature", "device", "none"] | None = None
    emv: Emv | None = None
    authorization_code: Visible20 | None = None
    rrn: Visible40 | None = None
    stan: Visible20 | None = None
    acquirer_tid: Visible40 | None = None
    acquirer_mid: Visible40 | None = None
    decline_code: Short | None = None
    receipt: Receipt | None = None


def read(item: Any, at: str = "") -> Transaction | list[Fault]:
    """Read one transaction, or return every fault in it; `at` is where it stands in the request."""
    try:
        transaction = msgspec.convert(item, Transaction)
    except msgspec.ValidationError:
        return _faults(item, Transaction, at)
    faults = list(_contradictions(transaction, at))
    if faults:
        return faults
    transaction.occurred_at = transaction.occurred_at.astimezone(UTC)
    return transaction


def mask(transaction: Transaction, *, is_numbered: Callable[[str], bool] = lambda field: False) -> list[str]:
    """Mask the card numbers in what a device reports; return the names of the fields that held one.

    `is_numbered` returns whether an order reference of digits alone in this field may be an order's number.
    """
    found: list[str] = []
    for model, prefix in _parts(transaction):
        for name in model.__struct_fields__:
            value = getattr(model, name)
            if isinstance(value, str) and len(value) > 12 and _is_free(name, value, prefix):
                masked = _masked(name, value)
                if masked != value and not (name == _ORDER and value.isdigit() and is_numbered(prefix + name)):
                    found.append(prefix + name)
                    setattr(model, name, masked)
            if isinstance(value, str) and "\0" in value:
                setattr(model, name, getattr(model, name).replace("\0", "\ufffd"))  # PostgreSQL stores no NUL
    return found


def content(transaction: Transaction) -> bytes:
    """The hash by which two transactions are the same, whatever the order and layout of their JSON. Mask first."""
    return sha256(msgspec.json.encode(transaction)).digest()


def posted(transaction: Transaction) -> dict[str, Any]:
    """The transaction as it is kept: plain JSON values. Mask first."""
    kept: dict[str, Any] = msgspec.to_builtins(transaction)
    return kept


def again(kept: dict[str, Any]) -> Transaction:
    """A transaction as it was kept."""
    return msgspec.convert(kept, Transaction)


def sequence_of(item: Any) -> int | None:
    """The sequence of a transaction that may otherwise be unreadable."""
    number = item.get("sequence") if isinstance(item, dict) else None
    return number if type(number) is int and 1 <= number <= MAX_SEQUENCE else None


def _parts(transaction: Transaction) -> Iterator[tuple[Struct, str]]:
    yield transaction, ""
    for name in ("original", "card", "emv", "receipt"):
        part = getattr(transaction, name)
        if part is not None:
            yield part, f"{name}."


def _is_free(name: str, value: str, prefix: str) -> bool:
    """Whether a field is text in which a card number may hide, and not a number with a format of its own."""
    if name in _TYPED:
        return len(value) > _TYPED[name] or not value.isalnum()
    if prefix == "emv.":
        return name == "label"
    return name not in ("payment", "order", "action", "namespace")  # what is none of ours is refused unseen


def _masked(name: str, value: str) -> str:
    if name in ("fingerprint", "par"):  # a token may be all digits; one that is a card number is replaced
        return keyed_hash(value)[:35] if _BARE_NUMBER.fullmatch(value) and has_card_number(value) else value
    masked = mask_card_numbers(value)
    if name == "last4":
        return "".join(character for character in masked if character.isdigit())
    if name != _ORDER or masked == value:
        return masked
    # Two references that end alike must stay two orders.
    return f"{masked[: MAX_REFERENCE - 9]}-{keyed_hash(value)[:8]}"


def _contradictions(transaction: Transaction, at: str) -> Iterator[Fault]:
    if transaction.currency not in EXPONENTS:
        yield Fault(f"{at}currency", "currency_unknown", "Send an ISO 4217 code in capitals, as EUR.")
    last4 = transaction.card.last4 if transaction.card else "0000"
    if not (_FOUR_DIGITS.fullmatch(last4) or has_card_number(last4)):
        yield Fault(f"{at}card.last4", "invalid_format", "Send the last four digits of the card.")
    if not EARLIEST <= transaction.occurred_at < LATEST:
        yield Fault(f"{at}occurred_at", "out_of_range", "Send a time between the years 2000 and 2100.")
    if (transaction.tip or 0) + (transaction.cashback or 0) > transaction.amount:
        yield Fault(f"{at}tip", "out_of_range", "tip and cashback are parts of amount and together no more than it.")
    if transaction.order is not None and transaction.order_reference is not None:
        yield Fault(f"{at}order", "not_together", "Send only one of: order, order_reference.")
    if transaction.namespace is not None and transaction.order_reference is None:
        yield Fault(f"{at}namespace", "not_together", "Send namespace beside order_reference only.")
    if transaction.original is not None and not any(msgspec.structs.astuple(transaction.original)):
        yield Fault(
            f"{at}original", "required", "Name the order, order_reference, payment, receipt or sequence it is about."
        )
    taken_back = transaction.original.sequence if transaction.original else None
    for name, number in (("resolves", transaction.resolves), ("original.sequence", taken_back)):
        if number == transaction.sequence:
            yield Fault(f"{at}{name}", "out_of_range", "A transaction cannot refer to itself.")


def _faults(item: Any, model: type[Struct], at: str) -> list[Fault]:
    """Every fault of an object that the strict decoder refused."""
    if not isinstance(item, dict):
        return [Fault(at.rstrip(".") or None, "invalid_type", "Send an object.")]
    fields = {field.name: field for field in msgspec.structs.fields(model)}
    faults = [
        Fault(f"{at}{_name(name)}", "unknown_field", "There is no such field here. See /v1/docs.")
        for name in item
        if name not in fields
    ]
    for name, field in fields.items():
        if name in item:
            faults += _value_faults(item[name], field.type, f"{at}{name}")
        elif field.required:
            faults.append(Fault(f"{at}{name}", "required", "This field is required."))
    return faults


def _value_faults(value: Any, kind: Any, at: str) -> list[Fault]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        inner = _struct_of(kind)
        if inner is not None and isinstance(value, dict):
            return _faults(value, inner, f"{at}.")
        return [validation_messages.fault(at, kind, str(error).partition(" - at ")[0])]
    return []


def _struct_of(kind: Any) -> type[Struct] | None:
    kinds = (kind, *getattr(kind, "__args__", ()))
    return next((one for one in kinds if isinstance(one, type) and issubclass(one, Struct)), None)


def _name(name: str) -> str:
    if has_card_number(name):
        return "[redacted]"
    return name[:MAX_REFERENCE]
