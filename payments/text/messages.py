"""What is told to people about a fact, kept as text and values, so that each reader has it in a language of their own.

In English it is `detail`, which the API and webhooks tell; `spoken` says the same to a reader of the admin.
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
    """A value that is itself to be translated."""

    text: str

    def __str__(self) -> str:
        return self.text


Value = str | int | Money | date | Translatable


def message_columns(text: str, **values: Value) -> dict[str, Any]:
    """The columns `detail` and `said` of what is told; `text` is a msgid with names in braces."""
    return {
        "detail": text.format(**values),
        "said": {"text": text, "values": {name: _kept(value) for name, value in values.items()}},
    }


def render_message(detail: str, said: Mapping[str, Any] | None) -> str:
    """The same in the reader's language and writing; what was told without a text stays as it is."""
    if not said:
        return detail
    return _(said["text"]).format(**{name: _written(value) for name, value in said["values"].items()})


def _kept(value: Value) -> Any:
    match value:
        case Money():
            return {"amount": value.amount, "currency": value.currency}
        case Translatable():
            return {"word": value.text}
        case date():
            return {"day": value.isoformat()}
        case _:
            return value


def _written(value: Any) -> str:
    match value:
        case {"amount": minor, "currency": currency}:
            return amount(minor, currency)
        case {"word": text}:
            return _(text)
        case {"day": text}:
            return day(date.fromisoformat(text))
        case _:
            return str(value)
