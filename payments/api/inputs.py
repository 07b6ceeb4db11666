"""Validation of requests: only known fields, every fault reported at once, no card number anywhere."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, ClassVar, Final

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.settings import api_settings

from payments.api.fields import Text, Whole, Words
from payments.api.pagination import DEFAULT_LIMIT, HIGHEST_LIMIT
from payments.core.errors import Fault, OnetillError, ValidationFailed
from payments.core.pan import has_card_number
from payments.models import Channel

REDACTED: Final = "[redacted]"
NAME_SHOWN: Final = 64
MOST_FAULTS: Final = 500  # of one request; a body may name a hundred thousand fields that do not exist
# Checked by rules of their own (one reference in ten passes for a card number), unless they stand in metadata.
EXEMPT: Final = frozenset(
    {"iban", "bank_iban", "emv", "rrn", "stan", "acquirer_mid", "acquirer_tid", "fingerprint", "par"}
)
_OWN_CODES: Final = {
    "null": "required",
    "not_a_list": "invalid_type",
    "max_length": "too_many",
    "min_length": "too_few",
}

_OWN_WORDS: Final = {"not_a_list": "Send a list.", "null": "This field is required: it cannot be null."}


class Input(serializers.Serializer[Any]):
    """A JSON object of exactly these fields. What was left out, or is null, is absent from what it gives."""

    exactly_one_of: ClassVar[tuple[tuple[str, ...], ...]] = ()
    at_most_one_of: ClassVar[tuple[tuple[str, ...], ...]] = ()
    go_together: ClassVar[tuple[tuple[str, ...], ...]] = ()
    order_references: ClassVar[tuple[str, ...]] = ("order_reference",)
    nullable: ClassVar[tuple[str, ...]] = ()  # where null says something else than leaving it out
    only_beside: ClassVar[tuple[tuple[str, str], ...]] = ()  # (what says nothing by itself, beside what)

    @classmethod
    def may_be_left_out(cls) -> bool:
        """Whether a request without a body says the same as one with `{}`."""
        return not cls.exactly_one_of and not any(field.required for field in cls().fields.values())

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise _refusal(api_settings.NON_FIELD_ERRORS_KEY, "Send a JSON object.", "invalid_type")
        faults: dict[str, Any] = self._misfits(data)
        values: dict[str, Any] = {}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            faults = {**faults, **error.detail} if isinstance(error.detail, dict) else faults
        if faults:
            raise serializers.ValidationError(faults)
        return {name: value for name, value in values.items() if value is not None or name in self.nullable}

    def _misfits(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Fields that do not exist, and fields that do not go together."""
        unknown = [name for name in data if name not in self.fields]
        faults = {name: _error("There is no such field. Leave it out.", "unknown_field") for name in unknown}
        for names in (*self.exactly_one_of, *self.at_most_one_of):
            given = [name for name in names if data.get(name) is not None]
            if len(given) > 1:
                faults[given[1]] = _error(f"Send only one of: {', '.join(names)}.", "not_together")
            if not given and names in self.exactly_one_of:
                faults[names[0]] = _error(f"Send one of: {', '.join(names)}.", "required")
        for names in self.go_together:
            missing = [name for name in names if data.get(name) is None]
            if 0 < len(missing) < len(names):
                faults[missing[0]] = _error(f"Send these together: {', '.join(names)}.", "required")
        for name, beside in self.only_beside:
            if data.get(name) is not None and data.get(beside) is None:
                faults[name] = _error(f"Send {name} beside {beside} only.", "not_together")
        return faults


class Nothing(Input):
    """A request without anything to say."""


class Query(Input):
    """The parameters of an address, each at most once."""


class Paging(Query):
    """How much of a list, and from where."""

    limit = Whole(least=1, most=HIGHEST_LIMIT, required=False, default=DEFAULT_LIMIT)
    cursor = Text(longest=100, required=False, default=None)


def expandable(*names: str) -> Words:
    """The parameter `expand`, of these words."""
    return Words(names, required=False)


def read(form: type[Input], data: Any, *, caller: Any = None) -> dict[str, Any]:
    """What an input says, in Python's terms.

    Raises:
        ValidationFailed: every fault at once, each with its place.
    """
    forbidden = _forbidden(form, data, caller)
    serializer = form(data=[] if data is None else data, context={"caller": caller})
    try:
        valid = serializer.is_valid()
    except OnetillError as error:  # a channel that the key may not speak for
        raise (ValidationFailed(forbidden) if forbidden else error) from error
    if forbidden or not valid:
        named = {fault.param for fault in forbidden}
        faults = (fault for fault in _faults(serializer.errors) if fault.param not in named)
        raise ValidationFailed(list(islice(chain(forbidden, faults), MOST_FAULTS)))
    values: dict[str, Any] = serializer.validated_data
    return values


def read_query(form: type[Query], parameters: QueryDict, *, caller: Any = None) -> dict[str, Any]:
    """What an address's parameters say.

    Raises:
        ValidationFailed: every fault at once, each with the parameter's name.
    """
    if not parameters and form is Query:
        return {}
    twice = [name for name in parameters if len(parameters.getlist(name)) > 1]
    if twice:
        raise ValidationFailed([Fault(_shown(name), "given_twice", "Send this parameter once.") for name in twice])
    return read(form, parameters.dict(), caller=caller)


def _forbidden(form: type[Input], data: Any, caller: Any) -> list[Fault]:
    """What stands nowhere in a request, but for the digits by which some shops number their orders."""
    found = list(_unspeakable(data))
    numbers = {name for name in form.order_references if _is_number(data, name)}
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
    elif isinstance(value, Mapping):
        for name, member in value.items():
            place = _join(path, name)
            if has_card_number(name) or "\0" in name:
                yield (
                    _card_number(place)
                    if has_card_number(name)
                    else Fault(place, "invalid_characters", "Leave out the NUL character.")
                )
            yield from _unspeakable(member, place, exempt or (name in EXEMPT and not path.startswith("metadata")))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _unspeakable(item, f"{path}[{at}]", exempt)


def _card_number(path: str) -> Fault:
    detail = "This holds a card number. Never send one; its last four digits are enough."
    return Fault(path or None, "card_number_refused", detail)


def _faults(errors: Any, path: str = "") -> Iterator[Fault]:
    """Flatten what the serializer found: `{"a": {"b": [error]}}` is at `a.b`, `[{}, {"c": [error]}]` at `[1].c`."""
    if isinstance(errors, Mapping):
        for name, inner in errors.items():
            yield from _faults(inner, _join(path, name))
    elif isinstance(errors, list):
        for at, inner in enumerate(errors):
            if isinstance(inner, ErrorDetail):
                code = str(inner.code)
                yield Fault(path or None, _OWN_CODES.get(code, code), _OWN_WORDS.get(code, str(inner)))
            else:
                yield from _faults(inner, f"{path}[{at}]")


def _join(path: str, name: Any) -> str:
    if isinstance(name, int):
        return f"{path}[{name}]"
    if name == api_settings.NON_FIELD_ERRORS_KEY:
        return path
    between = "." if path and not name.startswith("[") else ""
    return f"{path}{between}{_shown(name)}"


def _shown(name: str) -> str:
    return REDACTED if has_card_number(name) else name[:NAME_SHOWN].replace("\0", "")


def _error(detail: str, code: str) -> list[ErrorDetail]:
    return [ErrorDetail(detail, code)]


def _refusal(name: str, detail: str, code: str) -> serializers.ValidationError:
    return serializers.ValidationError({name: _error(detail, code)})
