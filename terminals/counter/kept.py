"""A form that was sent after its person's time was over: it travels, sealed, over the sign-in page and back to them."""

import json
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest

from payments.core.crypto import Undecipherable, decrypt, encrypt

LARGEST: Final = 20_000  # characters; the counter's forms are short
_NEVER_KEPT: Final = ("csrfmiddlewaretoken", "code", "again", "ticket", "passkey", "kept")


@dataclass(frozen=True, slots=True)
class KeptForm:
    """Where it was to go, and its fields."""

    user_id: str
    path: str
    fields: list[list[str]]


def seal(request: HttpRequest, user_id: str | None) -> str:
    """The form as text that only we can read; "" where nobody is known who could get it back."""
    if user_id is None:
        return ""
    fields = [[name, value] for name, values in request.POST.lists() for value in values if name not in _NEVER_KEPT]
    text = json.dumps({"counter_form": {"user": user_id, "path": request.path, "fields": fields}})
    return encrypt(text) if len(text) <= LARGEST else ""


def open_(sealed: str) -> KeptForm | None:
    """The form that was sealed; None for anything else."""
    if not sealed:
        return None
    try:
        kept = json.loads(decrypt(sealed))["counter_form"]
    except (Undecipherable, ValueError, TypeError, KeyError):
        return None
    return KeptForm(kept["user"], kept["path"], kept["fields"])
