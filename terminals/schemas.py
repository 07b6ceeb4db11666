"""The transaction as a device posts it: its form, its masking, and what makes two of them the same.

It is an input as those of the API are (`payments.core.inputs`). Numbers typed by machines (RRN, STAN, TID, MID, EMV)
have formats of their own; in everything else a card number is masked, since a device's report is never refused for it.
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
from payments.core.input_types import END, Amount, AmountOrZero
from payments.core.inputs import Beside, Input, OneOf
from payments.core.money import EXPONENTS
from payments.core.pan import has_card_number, mask_card_numbers
from payments.services.card_present.types import DeviceOutcome, Kind

MAX_SEQUENCE: Final = 2**31 - 1
MAX_REFERENCE: Final = 64
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
OUT_OF_RANGE: Final = "sequence_out_of_range"
NO_CURRENCY: Final = "Send an ISO 4217 code in capitals, as EUR."
NO_LAST_DIGITS: Final = "Send the last four digits of the card."
NO_TIME_OF_OURS: Final = "Send a time between the years 2000 and 2100."


def _fault(code: str, detail: str) -> dict[str, tuple[str, str]]:
    return {code: (code, detail)}


def _length(longest: int, *, shortest: int = 0) -> Meta:
    """A text of so many characters, blank or not; both its bounds have one code."""
    answers = {
        "too_short": ("invalid_length", f"Send at least {shortest} character{'s' if shortest > 1 else ''}."),
        "too_long": ("invalid_length", f"Send at most {longest} characters."),
    }
    return Meta(min_length=shortest or None, max_length=longest, extra=answers)


def _form(pattern: str, detail: str) -> Meta:
    """A text that matches as a whole; `detail` says what to send."""
    return Meta(pattern=f"^{pattern}{END}", extra=_fault("invalid_format", detail))


_NO_SEQUENCE: Final = f"Sequences begin at 1 and end at {MAX_SEQUENCE}; then the device pairs again."
Sequence = Annotated[int, Meta(ge=1, le=MAX_SEQUENCE, extra={"out_of_range": (OUT_OF_RANGE, _NO_SEQUENCE)})]
Number = Annotated[int, Meta(ge=1, le=MAX_SEQUENCE)]
Currency = Annotated[str, _form("[A-Z]{3}", NO_CURRENCY)]
Clock = Annotated[datetime, Meta(tz=True, extra=_fault("out_of_range", NO_TIME_OF_OURS))]
Reference = Annotated[str, _length(MAX_REFERENCE, shortest=1)]
ActionId = Annotated[str, _form("act_[0-9a-z]{26}", "Send the id of an action: act_…")]
Short = Annotated[str, _length(64)]
Text = Annotated[str, _length(200)]
Slip = Annotated[str, _length(10_000)]
Hex = Annotated[str, _form("[0-9A-Fa-f]{2,64}", "Send 2 to 64 hexadecimal digits.")]
Code = Annotated[str, _form("[0-9A-Za-z]{1,8}", "Send 1 to 8 letters or digits.")]
PanSequence = Annotated[str, _form("[0-9]{1,3}", "Send 1 to 3 digits.")]
# Four digits; a device that gives the whole number is not refused for it either, but the schema asks for four.
LastDigits = Annotated[
    str,
    Meta(
        pattern=rf"^[0-9][0-9 -]{{3,36}}{END}",
        extra_json_schema={"pattern": "^[0-9]{4}$"},
        extra=_fault("invalid_format", NO_LAST_DIGITS),
    ),
]
Visible40 = Annotated[str, _form("[!-~]([ -~]{0,38}[!-~])?", "Send 1 to 40 visible characters.")]
Visible20 = Annotated[str, _form("[!-~]([ -~]{0,18}[!-~])?", "Send 1 to 20 visible characters.")]

# ISO 8583 lengths: shorter than a card number, or (the merchant's id) of a form of its own and so left as it is.
_TYPED: Final = {"rrn": 12, "stan": 12, "acquirer_tid": 12, "acquirer_mid": 15}
_ORDER: Final = "order_reference"
_OF_CUSTOMERS: Final = ("customer", "loyalty_id")
_BARE_NUMBER: Final = re.compile(r"[0-9]{13,19}")
_FOUR_DIGITS: Final = re.compile(r"[0-9]{4}")


class Original(Input):
    """What a refund or reversal takes back; the most exact of these counts."""

    order: Reference | None = None
    """Id of the order that is taken back."""
    order_reference: Reference | None = None
    """The shop's number of that order."""
    payment: Reference | None = None
    """Id of the payment that is taken back."""
    sequence: Number | None = None
    """Number of the sale on this very device."""
    receipt: Annotated[str, _length(40, shortest=1)] | None = None
    """Number on the receipt of the sale."""


class Card(Input, kw_only=True):
    """What a device may say of a card: never its number."""

    brand: Annotated[str, _length(32, shortest=1)]
    """Card scheme, as `visa` or `maestro`."""
    last4: LastDigits
    """Last four digits of the card; never send more."""
    fingerprint: Annotated[str, _length(255, shortest=1)] | None = None
    """The acquirer's token of the card: equal for equal cards."""
    par: Annotated[str, _form("[0-9A-Za-z]{1,35}", "Send 1 to 35 letters or digits.")] | None = None
    """Payment account reference (PAR) of the card or its wallet token."""
    sequence_number: PanSequence | Annotated[int, Meta(ge=0, le=999)] | None = None
    """Sequence number of the card (PAN sequence)."""


class Emv(Input):
    """The chip's data."""

    aid: Hex
    """Application identifier (tag 4F), hexadecimal."""
    label: Short | None = None
    """Name of the application on the card."""
    tvr: Hex | None = None
    """Terminal verification results (tag 95), hexadecimal."""
    tsi: Hex | None = None
    """Transaction status information (tag 9B), hexadecimal."""
    cryptogram: Hex | None = None
    """Application cryptogram (tag 9F26), hexadecimal."""
    arc: Code | None = None
    """Authorization response code (tag 8A)."""
    atc: Hex | None = None
    """Application transaction counter (tag 9F36), hexadecimal."""


class Receipt(Input):
    """What was printed."""

    customer: Slip | None = None
    """Text of the customer's slip."""
    merchant: Slip | None = None
    """Text of the merchant's slip."""


class Transaction(Input, kw_only=True):
    """One transaction. `amount` is what the card was charged or given; `tip` and `cashback` are parts of it."""

    rules = (
        OneOf(("order_reference", "order"), required=False),
        OneOf(("customer", "loyalty_id"), required=False),
        Beside("namespace", "order_reference"),
    )

    sequence: Sequence
    """Number of the transaction on this device: one more than the last, from 1 after pairing."""
    type: Kind
    """What was done: a sale, a refund, or a reversal of one of them before it is settled."""
    amount: Amount
    """What the card was charged or given, in minor units, tip and cashback included."""
    currency: Currency
    """Currency of the amounts."""
    outcome: DeviceOutcome
    """What came of it; `unknown` is resolved by a later transaction that names it in `resolves`."""
    occurred_at: Clock
    """When it happened by the device's clock."""
    tip: AmountOrZero | None = None
    """Part of `amount` that is a tip, in minor units."""
    cashback: AmountOrZero | None = None
    """Part of `amount` that was handed out in cash, in minor units."""
    offline: bool | None = None
    """True where the terminal approved without asking the acquirer: the money is provisional."""
    order_reference: Reference | None = None
    """The shop's number of the order, in the terminal's namespace; makes the order at its first use."""
    namespace: Reference | None = None
    """Namespace of `order_reference`, where it is another than the store's."""
    order: Reference | None = None
    """Id of an existing order of any channel, in place of `order_reference`."""
    action: ActionId | None = None
    """Id of the action that asked for it."""
    original: Original | None = None
    """What a refund or reversal takes back; the most exact of its members counts."""
    resolves: Number | None = None
    """Number of the earlier transaction whose unknown outcome this one tells."""
    operator: Annotated[str, _length(100)] | None = None
    """Name or number of the person at the till."""
    shift: Short | Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)] | None = None
    """Number or name of the shift in which it was made."""
    reason: Text | None = None
    """Why money was given back."""
    customer: Reference | None = None
    """Whose sale it is: the merchant's reference of the customer, or the customer's id."""
    loyalty_id: Reference | None = None
    """Number on the loyalty card or app that the customer showed, in place of `customer`."""
    card: Card | None = None
    """The card, as far as a device may tell it: never its number."""
    entry_mode: Literal["contact", "contactless", "magstripe", "manual"] | None = None
    """How the card was read."""
    verification: Literal["online_pin", "offline_pin", "signature", "device", "none"] | None = None
    """How the cardholder was verified."""
    emv: Emv | None = None
    """Data of the chip."""
    authorization_code: Visible20 | None = None
    """Code of the issuer's approval."""
    rrn: Visible40 | None = None
    """Retrieval reference number at the acquirer."""
    stan: Visible20 | None = None
    """System trace audit number of the message."""
    acquirer_tid: Visible40 | None = None
    """Terminal id (TID) that the acquirer knows."""
    acquirer_mid: Visible40 | None = None
    """Merchant id (MID) that the acquirer knows."""
    decline_code: Short | None = None
    """Why it was declined, in the acquirer's words."""
    receipt: Receipt | None = None
    """Slips as they were printed."""

    def contradictions(self) -> Iterator[Fault]:
        if self.currency not in EXPONENTS:
            yield Fault("currency", "currency_unknown", NO_CURRENCY)
        if self.card is not None and not _says_last_digits(self.card.last4):
            yield Fault("card.last4", "invalid_format", NO_LAST_DIGITS)
        if not EARLIEST <= self.occurred_at < LATEST:
            yield Fault("occurred_at", "out_of_range", NO_TIME_OF_OURS)
        if (self.tip or 0) + (self.cashback or 0) > self.amount:
            yield Fault("tip", "out_of_range", "tip and cashback are parts of amount and together no more than it.")
        if self.original is not None and not any(msgspec.structs.astuple(self.original)):
            detail = "Name the order, order_reference, payment, receipt or sequence it is about."
            yield Fault("original", "required", detail)
        taken_back = self.original.sequence if self.original else None
        for name, number in (("resolves", self.resolves), ("original.sequence", taken_back)):
            if number == self.sequence:
                yield Fault(name, "out_of_range", "A transaction cannot refer to itself.")


def mask(transaction: Transaction, *, is_numbered: Callable[[str], bool] = lambda field: False) -> list[str]:
    """Mask the card numbers in what a device reports; return the names of the fields that held one.

    `is_numbered` returns whether an order reference of digits alone in this field may be an order's number.
    """
    found: list[str] = []
    for model, prefix in _parts(transaction):
        for name in model.__struct_fields__:
            value = getattr(model, name)
            if isinstance(value, str) and len(value) > 12 and _is_free(name, value, prefix):
                masked = _masked(name, value, tells_apart=name == _ORDER or (not prefix and name in _OF_CUSTOMERS))
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
    """The transaction as it is kept: plain JSON values. Mask first.

    Who the customer is, is left out: evidence is never changed, and a customer may ask to be forgotten.
    """
    kept: dict[str, Any] = msgspec.to_builtins(transaction)
    for name in _OF_CUSTOMERS:
        kept.pop(name, None)
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


def _says_last_digits(value: str) -> bool:
    return _FOUR_DIGITS.fullmatch(value) is not None or has_card_number(value)


def _masked(name: str, value: str, *, tells_apart: bool) -> str:
    if name in ("fingerprint", "par"):  # a token may be all digits; one that is a card number is replaced
        return keyed_hash(value)[:35] if _BARE_NUMBER.fullmatch(value) and has_card_number(value) else value
    masked = mask_card_numbers(value)
    if name == "last4":
        return "".join(character for character in masked if character.isdigit())
    if not tells_apart or masked == value:
        return masked
    # Two references that end alike must stay two orders, or customers.
    return f"{masked[: MAX_REFERENCE - 9]}-{keyed_hash(value)[:8]}"
