"""Forms that were sent after their session had ended: kept, and offered to the same person after sign-in."""

import json
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest

from payments.core.crypto import decrypt, encrypt

SESSION_KEY: Final = "kept_form"
LARGEST: Final = 50_000  # bytes; an upload is chosen again
NEVER_KEPT: Final = ("csrfmiddlewaretoken", "password", "code", "credentials", "passkey")


@dataclass(frozen=True, slots=True)
class KeptForm:
    """Where it was to go, and its fields."""

    path: str
    fields: list[list[str]]


def keep(request: HttpRequest, user_id: str | None) -> None:
    """Keep what was just sent in the session, encrypted and for this person; files and secrets are left out."""
    if request.method != "POST" or not user_id or int(request.headers.get("Content-Length") or 0) > LARGEST:
        return
    fields = [[name, value] for name, values in request.POST.lists() for value in values if not _is_secret(name)]
    text = json.dumps({"user": user_id, "path": request.get_full_path(), "fields": fields})
    if len(text) <= LARGEST:
        request.session[SESSION_KEY] = encrypt(text)


def waits(request: HttpRequest) -> bool:
    """Tell whether something is kept in this session."""
    return SESSION_KEY in request.session


def take(request: HttpRequest, user_id: str) -> KeptForm | None:
    """What was kept for this person; it is given out once, and to nobody else."""
    text = request.session.pop(SESSION_KEY, None)
    kept = json.loads(decrypt(text)) if text else None
    return KeptForm(kept["path"], kept["fields"]) if kept and kept["user"] == user_id else None


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in NEVER_KEPT)
