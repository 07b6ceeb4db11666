"""Input fields that guess nothing: an amount is an integer, a text is a text, and every fault names its place."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.settings import api_settings

from payments.core.money import EXPONENTS, MAX_AMOUNT

METADATA_PAIRS: Final = 50
METADATA_KEY: Final = 40
METADATA_VALUE: Final = 500
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE: Final = re.compile(r"\d{1,19}", re.ASCII)

# Arguments of a field that may be left out; `null` says the same as leaving it out.
OPTIONAL: Final[dict[str, Any]] = {"required": False, "allow_null": True}

Find = Callable[[Any, str], Any]


class StrictField(serializers.Field[Any, Any, Any, Any]):
    """A field of its own rule, with the OpenAPI schema that says the same."""

    schema: Mapping[str, Any] = {}

    def to_representation(self, value: Any) -> Any:
        return value


class FieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Lets a strict field describe itself."""

    target_class = "payments.api.fields.StrictField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return dict(self.target.schema)


class Amount(StrictField):
    """Whole minor units, from `least` to what fits; no float, no string, no boolean."""

    default_error_messages = {
        "invalid_type": 'Send whole minor units as a JSON integer: 1250, not 12.50 or "1250".',
        "out_of_range": "Send an integer from {least} to {most}.",
    }

    def __init__(self, *, least: int = 1, most: int = MAX_AMOUNT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most
        self.schema = {"type": "integer", "format": "int64", "minimum": least, "maximum": most}

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid_type")
        if not self.least <= data <= self.most:
            self.fail("out_of_range", least=self.least, most=self.most)
        return data


class Flag(StrictField):
    """True or false."""

    schema = {"type": "boolean"}
    default_error_messages = {"invalid_type": "Send true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid_type")
        return data


class Text(StrictField):
    """A text of `shortest` to `longest` characters."""

    default_error_messages = {
        "invalid_type": "Send a string.",
        "too_short": "Send at least {shortest}.",
        "too_long": "Send at most {longest} characters.",
        "invalid_format": "This does not have the form it must have: {form}.",
    }

    def __init__(
        self, *, longest: int, shortest: int = 1, pattern: str | None = None, form: str = "", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.shortest, self.longest, self.form = shortest, longest, form
        self.pattern = re.compile(pattern, re.ASCII) if pattern else None
        self.schema = {"type": "string", "minLength": shortest, "maxLength": longest}
        if pattern:
            self.schema["pattern"] = f"^(?:{pattern})$"

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_type")
        if len(data) < self.shortest or (self.shortest and not data.strip()):
            self.fail("too_short", shortest=f"{self.shortest} character{'s' if self.shortest > 1 else ''}")
        if len(data) > self.longest:
            self.fail("too_long", longest=self.longest)
        if self.pattern is not None and self.pattern.fullmatch(data) is None:
            self.fail("invalid_format", form=self.form)
        return data


class Currency(StrictField):
    """An ISO 4217 code."""

    schema = {"type": "string", "pattern": "^[A-Z]{3}$", "example": "EUR"}
    default_error_messages = {"currency_unknown": "Send an ISO 4217 code in capitals, as EUR."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in EXPONENTS:
            self.fail("currency_unknown")
        return data


class Choice(StrictField):
    """One of a few words."""

    default_error_messages = {"invalid_choice": "Send one of: {choices}."}

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = tuple(str(choice) for choice in choices)
        self.schema = {"type": "string", "enum": list(self.choices)}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", choices=", ".join(self.choices))
        return data


class Instant(StrictField):
    """A moment, RFC 3339, with its offset."""

    schema = {"type": "string", "format": "date-time"}
    default_error_messages = {"invalid_time": "Send a time as RFC 3339 has it: 2026-11-22T09:30:00Z."}

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str) or _INSTANT.fullmatch(data) is None:
            self.fail("invalid_time")
        try:
            return datetime.fromisoformat(data.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("invalid_time")


class Day(StrictField):
    """A day, YYYY-MM-DD."""

    schema = {"type": "string", "format": "date"}
    default_error_messages = {"invalid_day": "Send a day as YYYY-MM-DD."}

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or _DAY.fullmatch(data) is None:
            self.fail("invalid_day")
        try:
            return date.fromisoformat(data)
        except ValueError:
            self.fail("invalid_day")


class Whole(StrictField):
    """A whole number in a query parameter."""

    default_error_messages = {"out_of_range": "Send a whole number from {least} to {most}."}

    def __init__(self, *, least: int = 0, most: int = MAX_AMOUNT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most
        self.schema = {"type": "integer", "format": "int64", "minimum": least, "maximum": most}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, str) or _WHOLE.fullmatch(data) is None or not self.least <= int(data) <= self.most:
            self.fail("out_of_range", least=self.least, most=self.most)
        return int(data)


class Words(StrictField):
    """Words with commas between, each of them known; one word twice counts once."""

    default_error_messages = {"invalid_choice": "Send some of these, with commas between: {choices}."}

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = tuple(str(choice) for choice in choices)
        words = "|".join(self.choices)
        self.schema = {"type": "string", "pattern": f"^({words})(,({words}))*$", "example": self.choices[0]}

    def to_internal_value(self, data: Any) -> tuple[str, ...]:
        words = tuple(dict.fromkeys(data.split(","))) if isinstance(data, str) else ("",)
        if not set(words) <= set(self.choices):
            self.fail("invalid_choice", choices=", ".join(self.choices))
        return words


class Reference(StrictField):
    """An object of the caller's merchant, by its id; `find(caller, id)` gives it or None."""

    default_error_messages = {
        "invalid_type": "Send an id as a string.",
        "not_found": "There is no such {kind}. Check the id and the key's merchant.",
    }

    def __init__(self, find: Find, *, kind: str, example: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.find, self.kind = find, kind
        self.schema = {"type": "string", "maxLength": 64} | ({"example": example} if example else {})

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_type")
        found = self.find(self.context["caller"], data) if "\0" not in data else None
        if found is None:
            self.fail("not_found", kind=self.kind)
        return found


class Metadata(StrictField):
    """Up to 50 pairs of strings."""

    schema = {
        "type": "object",
        "maxProperties": METADATA_PAIRS,
        "additionalProperties": {"type": "string", "maxLength": METADATA_VALUE},
    }
    default_error_messages = {
        "invalid_type": "Send an object of strings.",
        "too_many": f"Send at most {METADATA_PAIRS} pairs.",
    }

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict):
            self.fail("invalid_type")
        if len(data) > METADATA_PAIRS:
            self.fail("too_many")
        faults = {key: [fault] for key, value in data.items() if (fault := _value_fault(value))}
        if any(not 1 <= len(key) <= METADATA_KEY for key in data):
            name = ErrorDetail(f"A key has 1 to {METADATA_KEY} characters.", "too_long")
            faults[api_settings.NON_FIELD_ERRORS_KEY] = [name]
        if faults:
            raise serializers.ValidationError(faults)
        return data


def _value_fault(value: Any) -> ErrorDetail | None:
    """The fault of one metadata value, reported at its key."""
    if not isinstance(value, str):
        return ErrorDetail("Send a string.", "invalid_type")
    if len(value) > METADATA_VALUE:
        return ErrorDetail(f"Send at most {METADATA_VALUE} characters.", "too_long")
    return None
