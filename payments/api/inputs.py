"""Validation of requests: only known fields, every fault reported at once, no card number anywhere."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import chain, islice
from typing import Annotated, Any, ClassVar, Final, TypeVar

from django.http import QueryDict
from msgspec import inspect

from payments.api.pagination import DEFAULT_LIMIT, HIGHEST_LIMIT
from payments.core.errors import Fault, OnetillError, ValidationFailed
from payments.core.input_faults import described, inside, may_be, shown
from payments.core.input_types import number_of_query, text
from payments.core.inputs import Input, convert
from payments.core.pan import has_card_number
from payments.models import Channel

Value = TypeVar("Value")
Given = TypeVar("Given", bound=Input)
Reader = Callable[[Any, Any], Value]

MOST_FAULTS: Final = 500  # of one request; a body may name a hundred thousand fields that do not exist
# Checked by rules of their own (one reference in ten passes for a card number), unless they stand in metadata.
EXEMPT: Final = frozenset(
    {"iban", "bank_iban", "emv", "rrn", "stan", "acquirer_mid", "acquirer_tid", "fingerprint", "par"}
)
CHANNEL_REQUIRED: Final = (
    "This key is not tied to a channel: send the id of the one that this is about. GET /v1/channels lists them."
)
ORDER_REFERENCES: Final = ("order_reference", "reference")
_WHOLE: Final = re.compile(r"[0-9]{1,19}")
# How fields of types that are none of msgspec's are read, and what the OpenAPI document says of them.
_READERS: Final[dict[type, Reader[Any]]] = {}
SCHEMAS: Final[dict[type, Mapping[str, Any]]] = {}


class Nothing(Input):
    """A request without anything to say."""


class Query(Input):
    """The parameters of an address, each at most once."""

    called: ClassVar[str] = "parameter"


class Paging(Query):
    """How much of a list, and from where."""

    limit: Annotated[int, number_of_query(least=1, most=HIGHEST_LIMIT)] = DEFAULT_LIMIT
    """How many items a page has at most."""
    cursor: Annotated[str, text(100)] | None = None
    """`next_cursor` of the page before; the first page when left out."""


def reads(kind: type[Value], schema: Mapping[str, Any]) -> Callable[[Reader[Value]], Reader[Value]]:
    """Let inputs have fields of a type: its reader takes a value and the caller, or raises `InvalidValue`."""

    def keep(reader: Reader[Value]) -> Reader[Value]:
        _READERS[kind] = reader
        SCHEMAS[kind] = schema
        return reader

    return keep


def read(form: type[Given], data: Any, *, caller: Any = None) -> Given:
    """What an input says, in Python's terms.

    Raises:
        ValidationFailed: every fault at once, each with its place.
    """
    return _read(form, data, _forbidden(data, caller), caller)


def _read(form: type[Given], data: Any, forbidden: list[Fault], caller: Any) -> Given:
    try:
        found = convert(form, data, hook=partial(_read_value, caller))
    except OnetillError as error:  # a channel that the key may not speak for
        raise (ValidationFailed(forbidden) if forbidden else error) from error
    if isinstance(found, Input) and not forbidden:
        return found
    named = {fault.param for fault in forbidden}
    faults = (fault for fault in found if fault.param not in named) if isinstance(found, list) else ()
    raise ValidationFailed(list(islice(chain(forbidden, faults), MOST_FAULTS)))


def read_query(form: type[Given], parameters: QueryDict, *, caller: Any = None) -> Given:
    """What an address's parameters say.

    Raises:
        ValidationFailed: every fault at once, each with the parameter's name.
    """
    twice = [name for name in parameters if len(parameters.getlist(name)) > 1]
    if twice:
        raise ValidationFailed([Fault(shown(name), "given_twice", "Send this parameter once.") for name in twice])
    given: dict[str, Any] = parameters.dict()
    forbidden = _forbidden(given, caller)  # while numbers are texts yet, in which card numbers are seen
    numbers = {name for name in _numbers(form).intersection(given) if _WHOLE.fullmatch(given[name])}
    return _read(form, given | {name: int(given[name]) for name in numbers}, forbidden, caller)


def _read_value(caller: Any, kind: type, value: Any) -> Any:
    return _READERS[kind](value, caller)


@cache
def _numbers(form: type[Input]) -> frozenset[str]:
    """The parameters that are numbers; an address knows nothing but texts."""
    return frozenset(field.encode_name for field in described(form).fields if may_be(field.type, inspect.IntType))


def _forbidden(data: Any, caller: Any) -> list[Fault]:
    """What stands nowhere in a request, but for the digits by which some shops number their orders."""
    found = list(_unspeakable(data))
    numbers = {name for name in ORDER_REFERENCES if _is_number(data, name)} if found else set()
    suspected = any(fault.code == "card_number_refused" and fault.param in numbers for fault in found)
    if not suspected or caller is None or not _numbers_its_orders(caller, data.get("channel")):
        return found
    return [fault for fault in found if fault.code != "card_number_refused" or fault.param not in numbers]


def _is_number(data: Any, name: str) -> bool:
    given = data.get(name) if isinstance(data, Mapping) else None
    return isinstance(given, str) and given.isascii() and given.isdigit()


def _numbers_its_orders(caller: Any, named: Any) -> bool:
    """Whether the channel that a request is about numbers its orders; one that names none may mean any."""
    channels = Channel.objects.filter(merchant_id=caller.merchant_id, numeric_references=True)
    channel_id = named or caller.channel_id
    return channels.filter(id=channel_id).exists() if isinstance(channel_id, str) else channels.exists()


def _unspeakable(value: Any, path: str = "", exempt: bool = False) -> Iterator[Fault]:
    """Card numbers, and characters that no database stores, in any text or name of a body."""
    if isinstance(value, str):
        if not exempt and has_card_number(value):
            yield _card_number(path)
        elif "\0" in value:
            yield Fault(path or None, "invalid_characters", "Leave out the NUL character.")
    elif isinstance(value, dict):
        for name, member in value.items():
            at = inside(path, shown(name))
            if has_card_number(name):
                yield _card_number(at)
            elif "\0" in name:
                yield Fault(at, "invalid_characters", "Leave out the NUL character.")
            yield from _unspeakable(member, at, exempt or (name in EXEMPT and not path.startswith("metadata")))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _unspeakable(item, f"{path}[{position}]", exempt)


def _card_number(path: str) -> Fault:
    detail = "This holds a card number. Never send one; its last four digits are enough."
    return Fault(path or None, "card_number_refused", detail)
