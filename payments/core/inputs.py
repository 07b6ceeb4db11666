"""Reading what others send: structs that say what they take, converted in one go (`payments.core.input_faults`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec import UNSET, Struct, inspect

from payments.core.errors import Fault
from payments.core.input_faults import UNEXPLAINED, Finder, Hook, InvalidValue, IsGiven, Rule, broken, described, may_be

Given = TypeVar("Given", bound="Input")


@dataclass(frozen=True, slots=True)
class OneOf:
    """At most one of these fields, or exactly one."""

    names: tuple[str, ...]
    required: bool = True

    def __str__(self) -> str:
        return f"Send {'exactly' if self.required else 'at most'} one of: {', '.join(self.names)}."

    def broken(self, is_given: IsGiven) -> Fault | None:
        given = list(filter(is_given, self.names))
        if len(given) > 1:
            return Fault(given[1], "not_together", f"Send only one of: {', '.join(self.names)}.")
        if not given and self.required:
            return Fault(self.names[0], "required", f"Send one of: {', '.join(self.names)}.")
        return None


@dataclass(frozen=True, slots=True)
class Together:
    """All of these fields, or none."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"Send these together: {', '.join(self.names)}."

    def broken(self, is_given: IsGiven) -> Fault | None:
        missing = [name for name in self.names if not is_given(name)]
        if 0 < len(missing) < len(self.names):
            return Fault(missing[0], "required", str(self))
        return None


@dataclass(frozen=True, slots=True)
class Beside:
    """A field that says nothing by itself."""

    name: str
    beside: str

    def __str__(self) -> str:
        return f"Send {self.name} beside {self.beside} only."

    def broken(self, is_given: IsGiven) -> Fault | None:
        if is_given(self.name) and not is_given(self.beside):
            return Fault(self.name, "not_together", str(self))
        return None


class Input(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A JSON object of exactly these fields; subclasses say `kw_only=True` where a required one follows others.

    `X | None = None` is a field that may be left out, and null says the same; where null says something else, it is
    `X | None | UnsetType = UNSET`.
    """

    rules: ClassVar[tuple[Rule, ...]] = ()
    called: ClassVar[str] = "field"  # what a refusal calls each of them

    @classmethod
    def may_be_left_out(cls) -> bool:
        """Whether a request without a body says the same as one with `{}`."""
        required = any(field.required for field in msgspec.structs.fields(cls))
        return not required and not any(isinstance(rule, OneOf) and rule.required for rule in cls.rules)

    def given(self) -> dict[str, Any]:
        """What was sent, by its name in JSON."""
        values = ((field, getattr(self, field.name)) for field in described(type(self)).fields)
        return {
            field.encode_name: value
            for field, value in values
            if value is not UNSET and not (value is None and field.default is None)
        }

    def _is_given(self, name: str) -> bool:
        return getattr(self, name, None) is not None

    def contradictions(self) -> Iterable[Fault]:
        """Return what is wrong with fields that are each right by themselves, beyond the rules."""
        return ()

    def __post_init__(self) -> None:
        checked, moments = _checks(type(self))
        if checked and (faults := [*broken(self.rules, self._is_given), *self.contradictions()]):
            raise InvalidValue(*faults)
        for name in moments:
            if (moment := getattr(self, name)) is not None:
                setattr(self, name, moment.astimezone(UTC))


def no_types_of_its_own(kind: type, value: Any) -> Any:
    """Read no type but msgspec's own."""
    raise NotImplementedError(kind)


def convert(form: type[Given], data: Any, *, at: str = "", hook: Hook = no_types_of_its_own) -> Given | list[Fault]:
    """Return an input, or every fault in it; `at` is its place in the request.

    `hook` reads values of types that msgspec does not know, and raises `InvalidValue` for what it does not take.
    """
    try:
        return msgspec.convert(data, form, dec_hook=hook)
    except (msgspec.ValidationError, OverflowError):  # the latter of a time that UTC does not have
        return list(Finder(hook).struct(data, described(form), at)) or [Fault(at or None, *UNEXPLAINED)]


@cache
def _checks(form: type[Input]) -> tuple[bool, tuple[str, ...]]:
    """Whether anything holds between the fields of an input, and which of them hold times. Most parts have neither."""
    times = (field.name for field in described(form).fields if may_be(field.type, inspect.DateTimeType))
    return bool(form.rules) or form.contradictions is not Input.contradictions, tuple(times)
