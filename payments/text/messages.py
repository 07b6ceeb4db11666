"""Messages about a fact, stored as a msgid and its values, so that each reader sees them in their own language.

`detail` holds the English text, for the API and webhooks; `render_message` translates it for users of the admin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from payments.core.money import Money
from payments.text.formatting import amount, day


@dataclass(frozen=True, slots=True)
class Translatable:
    """A value that is a msgid itself, and is translated with the message."""

    text: str

    def __str__(self) -> str:
        return self.text


Value = str | int | Money | date | Translatable


def message_columns(text: str, **values: Value) -> dict[str, Any]:
    """Return the values of the columns `detail` and `message`; `text` is a msgid with names in braces."""
    return {
        "detail": text.format(**values),
        "message": {"text": text, "values": {name: _stored(value) for name, value in values.items()}},
    }


def render_message(detail: str, message: Mapping[str, Any] | None) -> str:
    """Return the message in the active language; `detail` unchanged where no msgid was stored with it."""
    if not message:
        return detail
    return _(message["text"]).format(**{name: _rendered(value) for name, value in message["values"].items()})


def _stored(value: Value) -> Any:
    match value:
        case Money():
            return {"amount": value.amount, "currency": value.currency}
        case Translatable():
            return {"word": value.text}
        case date():
            return {"day": value.isoformat()}
        case _:
            return value


def _rendered(value: Any) -> str:
    match value:
        case {"amount": minor, "currency": currency}:
            return amount(minor, currency)
        case {"word": text}:
            return _(text)
        case {"day": text}:
            return day(date.fromisoformat(text))
        case _:
            return str(value)
