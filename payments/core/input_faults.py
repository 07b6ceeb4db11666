"""The faults of an input that was refused: where, a stable code, and what to do. None of them repeats a value.

msgspec stops at the first thing that does not fit, and says so in a sentence. Here the input is looked at once more,
part by part, by the types that msgspec has read from its structs.
"""

import difflib
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta, Struct, inspect

from payments.core.errors import Fault
from payments.core.pan import has_card_number

REDACTED: Final = "[redacted]"
NAME_SHOWN: Final = 64
ALIKE: Final = 0.62  # redirectUrl is return_url to whom comes from another API
MOST_HINTS: Final = 20  # names of one object that are compared; a body may make up thousands
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")
FAULT: Final = "fault"  # in a type's `extra`: the (code, detail) of whatever is wrong with the value as a whole
_ABSENT: Final = ("required", "This field is required.")
_NULL: Final = ("required", "This field is required: it cannot be null.")
_NO_TIME: Final = ("invalid_time", "Send a time as RFC 3339 has it, with its offset: 2026-11-22T09:30:00Z.")
_NO_TIME_IN_UTC: Final = ("out_of_range", "Send a time between the years 1 and 9999.")
_NO_DAY: Final = ("invalid_day", "Send a day as YYYY-MM-DD.")
UNEXPLAINED: Final = ("invalid_type", "Send what /v1/docs describes.")

_Instant = Annotated[datetime, Meta(tz=True)]
Hook = Callable[[type, Any], Any]
IsGiven = Callable[[str], bool]


class InvalidValue(ValueError):
    """A value that the reader of its type does not take; `param` of each fault is a place within the value."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__()
        self.faults = faults


class Rule(Protocol):
    """What holds between the fields of an input."""

    def broken(self, is_given: IsGiven) -> Fault | None:
        """Return the fault where the rule is broken; a field that is absent or null is not given."""


class Finder:
    """Finds the faults of a value; `hook` reads the types that msgspec does not know."""

    def __init__(self, hook: Hook) -> None:
        self.hook = hook

    def struct(self, data: Any, kind: inspect.StructType, at: str) -> Iterator[Fault]:
        """What is wrong with an object: unknown fields, broken rules, then each field in turn."""
        if not isinstance(data, dict):
            yield Fault(at or None, "invalid_type", "Send a JSON object.")
            return
        fields = {field.encode_name: field for field in kind.fields}
        strange = [name for name in data if name not in fields]
        called = getattr(kind.cls, "called", "field")
        found = {
            name: [
                Fault(inside(at, shown(name)), "unknown_field", unknown(name if n < MOST_HINTS else "", fields, called))
            ]
            for n, name in enumerate(strange)
        }
        for fault in broken(getattr(kind.cls, "rules", ()), lambda name: data.get(name) is not None):
            found[fault.param or ""] = [Fault(place(at, fault.param), fault.code, fault.detail)]
        for name, field in fields.items():
            faults = list(self._field(data, field, inside(at, name)))
            if faults:
                found[name] = faults  # what is wrong with the value itself comes before what it stands beside
        if found:
            for faults in found.values():
                yield from faults
        else:
            yield from self._taken(lambda: msgspec.convert(data, kind.cls, dec_hook=self.hook), at)

    def value(self, value: Any, kind: inspect.Type, at: str) -> Iterator[Fault]:
        """What is wrong with a value of this kind; nothing where it fits."""
        bare, extra = _bare(kind)
        for fault in self._faults(value, bare, at, extra):
            yield Fault(at, *extra[FAULT]) if FAULT in extra and fault.param == at else fault

    def _faults(self, value: Any, kind: inspect.Type, at: str, extra: Mapping[str, Any]) -> Iterator[Fault]:
        match kind:
            case inspect.UnionType():
                yield from self._union(value, kind, at)
            case inspect.StructType():
                yield from self.struct(value, kind, at)
            case inspect.ListType():
                yield from self._list(value, kind, at)
            case inspect.DictType():
                yield from self._dict(value, kind, at, extra)
            case inspect.CustomType() if not issubclass(kind.cls, Enum):
                yield from self._taken(lambda: self.hook(kind.cls, value), at)
            case _:
                found = _leaf(value, kind)
                if found is not None:
                    yield Fault(at, *extra.get(found[0], found))

    def _field(self, data: Mapping[str, Any], field: inspect.Field, at: str) -> Iterator[Fault]:
        given = data.get(field.encode_name)
        if given is None and field.required:
            yield Fault(at, *(_NULL if field.encode_name in data else _ABSENT))
        elif field.encode_name in data:
            yield from self.value(given, field.type, at)

    def _union(self, value: Any, kind: inspect.UnionType, at: str) -> Iterator[Fault]:
        """The faults of the alternative that the value means to be, by its JSON type."""
        if value is None and kind.includes_none:
            return
        kinds = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        meant = next((one for one in kinds if isinstance(value, _json_types(_bare(one)[0]))), kinds[0])
        yield from self.value(value, meant, at)

    def _list(self, value: Any, kind: inspect.ListType, at: str) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield Fault(at, "invalid_type", "Send a list.")
            return
        faults = [fault for n, item in enumerate(value) for fault in self._item(item, kind.item_type, f"{at}[{n}]")]
        if faults:
            yield from faults
        elif kind.max_length is not None and len(value) > kind.max_length:
            yield Fault(at, "too_many", f"Ensure this field has no more than {kind.max_length} elements.")
        elif len(value) < (kind.min_length or 0):
            yield Fault(at, "too_few", f"Ensure this field has at least {kind.min_length} elements.")

    def _item(self, item: Any, kind: inspect.Type, at: str) -> Iterator[Fault]:
        return iter([Fault(at, *_NULL)]) if item is None else self.value(item, kind, at)

    def _dict(self, value: Any, kind: inspect.DictType, at: str, extra: Mapping[str, Any]) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield Fault(at, "invalid_type", "Send an object of strings.")
        elif FAULT in extra:  # of its members nothing is answered but that some are wrong
            yield from itertools.islice((Fault(at, *extra[FAULT]) for _ in self._pairs(value, kind, at, extra)), 1)
        else:
            yield from self._pairs(value, kind, at, extra)

    def _pairs(
        self, value: dict[str, Any], kind: inspect.DictType, at: str, extra: Mapping[str, Any]
    ) -> Iterator[Fault]:
        if kind.max_length is not None and len(value) > kind.max_length:
            yield Fault(at, "too_many", f"Send at most {kind.max_length} pairs.")
        else:
            for name, member in value.items():
                yield from self.value(member, kind.value_type, inside(at, shown(name)))
            if any(_leaf(name, kind.key_type) for name in value):
                yield Fault(at, *extra["key"])

    def _taken(self, read: Callable[[], Any], at: str) -> Iterator[Fault]:
        try:
            read()
        except ValueError as error:  # a reader's own, or msgspec's around that of `__post_init__`
            cause = error if isinstance(error, InvalidValue) else error.__cause__
            faults = cause.faults if isinstance(cause, InvalidValue) else [Fault(None, *UNEXPLAINED)]
            for fault in dict.fromkeys(faults):
                yield Fault(place(at, fault.param) or None, fault.code, fault.detail)


def place(at: str, within: str | None) -> str:
    """A place within another: `transactions[3]` and `card.last4` are `transactions[3].card.last4`."""
    if not within:
        return at
    return f"{at}{within}" if within.startswith("[") else inside(at, within)


def inside(at: str, name: str) -> str:
    """The place of a member of the object at a place."""
    return f"{at}.{name}" if at else name


def shown(name: str) -> str:
    """The name of a field that a request made up, as it may be repeated."""
    return REDACTED if has_card_number(name) else name[:NAME_SHOWN].replace("\0", "")


def unknown(name: str, known: Collection[str], called: str = "field") -> str:
    """What to do about a name that is none of the known: the one that it is near to, else all there are."""
    words = _CAPITAL.sub(r"_\1", name[:NAME_SHOWN]).lower()
    near = difflib.get_close_matches(words, known, n=1, cutoff=ALIKE)
    if near:
        return f"There is no such {called}. Did you mean {near[0]}?"
    if not known:
        return f"There is no such {called}. Leave it out."
    return f"There is no such {called}. Leave it out, or send one of: {', '.join(known)}."


@cache
def described(form: type[Struct]) -> inspect.StructType:
    """Return the fields of an input, with their types."""
    kind = inspect.type_info(form)
    assert isinstance(kind, inspect.StructType)
    return kind


def may_be(kind: inspect.Type, wanted: type[inspect.Type]) -> bool:
    """Whether a value of this type may be of the wanted one, as in `int | None`."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return any(isinstance(_bare(one)[0], wanted) for one in kinds)


def enum_values(kind: inspect.CustomType | inspect.EnumType) -> list[str]:
    """The words of an enum; Django's choices are custom types to msgspec's inspection."""
    words: type[Enum] = kind.cls
    return [str(one.value) for one in words]


def broken(rules: tuple[Rule, ...], is_given: IsGiven) -> list[Fault]:
    return [fault for rule in rules if (fault := rule.broken(is_given)) is not None]


def _bare(kind: inspect.Type) -> tuple[inspect.Type, Mapping[str, Any]]:
    """A type without what is noted beside it, and what that is."""
    return (kind.type, kind.extra or {}) if isinstance(kind, inspect.Metadata) else (kind, {})


def _json_types(kind: inspect.Type) -> tuple[type, ...]:
    match kind:
        case inspect.StructType() | inspect.DictType():
            return (dict,)
        case inspect.ListType():
            return (list,)
        case inspect.BoolType():
            return (bool,)
        case inspect.IntType() | inspect.FloatType():
            return (int, float)
        case _:
            return (str,)


def _leaf(value: Any, kind: inspect.Type) -> tuple[str, str] | None:
    """The code and detail of what is wrong with one text, number, flag, word or time."""
    match kind:
        case inspect.StrType():
            return _text(value, kind)
        case inspect.IntType() | inspect.FloatType():
            return _number(value, kind)
        case inspect.BoolType():
            return None if isinstance(value, bool) else ("invalid_type", "Send true or false.")
        case inspect.LiteralType():
            return _word(value, kind.values)
        case inspect.CustomType() | inspect.EnumType():
            return _word(value, tuple(enum_values(kind)))
        case inspect.DateTimeType():
            return _time(value)
        case inspect.DateType():
            return None if _fits(value, date) else _NO_DAY
        case _:
            raise NotImplementedError(kind)


def _text(value: Any, kind: inspect.StrType) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "invalid_type", "Send a string."
    least = kind.min_length or 0
    if len(value) < least or (least and kind.pattern and not value.strip()):
        return "too_short", f"Send at least {least} character{'s' if least > 1 else ''}."
    if kind.max_length is not None and len(value) > kind.max_length:
        return "too_long", f"Send at most {kind.max_length} characters."
    if kind.pattern is not None and re.search(kind.pattern, value) is None:
        return "invalid_format", "This does not have the form that /v1/docs describes."
    return None


def _number(value: Any, kind: inspect.IntType | inspect.FloatType) -> tuple[str, str] | None:
    whole = isinstance(kind, inspect.IntType)
    if type(value) is not int and (whole or type(value) is not float):
        return "invalid_type", "Send a whole number." if whole else "Send a number."
    if (kind.ge is not None and value < kind.ge) or (kind.le is not None and value > kind.le):
        return "out_of_range", f"Send {'an integer' if whole else 'a number'} from {kind.ge} to {kind.le}."
    return None


def _word(value: Any, words: tuple[Any, ...]) -> tuple[str, str] | None:
    # By type too: False is 0 to Python, and no number to JSON.
    known = any(type(value) is type(word) and value == word for word in words)
    return None if known else ("invalid_choice", f"Send one of: {', '.join(map(str, words))}.")


def _time(value: Any) -> tuple[str, str] | None:
    if not _fits(value, _Instant):
        return _NO_TIME
    try:
        msgspec.convert(value, _Instant).astimezone(UTC)
    except OverflowError:  # the first or the last hours there are
        return _NO_TIME_IN_UTC
    return None


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
