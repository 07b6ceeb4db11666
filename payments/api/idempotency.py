"""One effect and one answer per Idempotency-Key: looked up, run, stored, replayed or continued."""

import hashlib
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from payments.api.request_body import Files
from payments.core.crypto import kept_name
from payments.core.errors import Conflict, Invalid, Malformed, OnetillError
from payments.models import IdempotencyKey
from payments.services.idempotency import IdempotencyGuard, IdempotentRequest, KeyTaken

KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
LONGEST_WAIT: Final = 2  # seconds; most requests are answered by then, and an interrupted one is resumed
REPLAYED: Final = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. `kept` is stored for its repetitions instead, where `shape` holds a secret."""

    status: int
    shape: dict[str, Any]
    kept: dict[str, Any] | None = None


class InProgress(Conflict):
    """The first request of this key still runs."""

    def __init__(self, row: IdempotencyKey | None) -> None:
        super().__init__(
            "idempotency_in_progress",
            "The first request with this Idempotency-Key still runs. Repeat it after Retry-After seconds.",
        )
        left = (row.lease_until - timezone.now()).total_seconds() if row is not None and row.lease_until else 0
        self.retry_after = min(max(1, math.ceil(left)), LONGEST_WAIT)


def key_of(request: HttpRequest) -> str:
    """The request's key; of one that looks like a card number (some random ones do) what is kept instead.

    Raises:
        Malformed: there is none, or it is no 1 to 255 visible characters.
    """
    key = request.headers.get("Idempotency-Key", "")
    if KEY.fullmatch(key) is None:
        raise Malformed(
            "idempotency_key_required",
            "Send an Idempotency-Key of 1 to 255 visible ASCII characters, a new one for every new request.",
        )
    return kept_name(key)


def fingerprint(request: HttpRequest, body: bytes) -> bytes:
    """Tells whether two requests ask the same: method, path and body bytes."""
    return _digest(request, [body])


def fingerprint_of_form(request: HttpRequest, fields: dict[str, str], files: Files) -> bytes:
    """The same for a form: its fields and files, since senders separate the parts by chance at every repetition."""
    return _digest(request, _parts(fields, files))


def once(
    keyed: IdempotentRequest, make: Callable[[IdempotencyGuard], Answer], resume: Callable[[str], Answer]
) -> HttpResponse:
    """Answer a request exactly once: `make` it, or `resume` the object that its key already names.

    Raises:
        Invalid: `idempotency_key_reused`.
        Conflict: `idempotency_in_progress`.
    """
    row = keyed.find()
    if row is None:
        try:
            return _run(keyed, lambda: make(keyed))
        except KeyTaken:
            row = keyed.find()
        except OnetillError:
            # What refused this one may be what the first request of this key has just made.
            row = keyed.find() if keyed.lease is None else None
            if row is None:
                raise
    if row is None or bytes(row.fingerprint) == keyed.fingerprint:
        return _repeat(keyed, row, resume)
    raise Invalid(
        "idempotency_key_reused",
        "This Idempotency-Key belongs to another request. To repeat one, send the very same; else use a new key.",
    )


def encode(shape: Any) -> bytes:
    """An object as it goes over the wire."""
    return msgspec.json.encode(shape)


def respond(status: int, body: bytes) -> HttpResponse:
    """An answer in JSON."""
    return HttpResponse(body, "application/json", status)


def _repeat(keyed: IdempotentRequest, row: IdempotencyKey | None, resume: Callable[[str], Answer]) -> HttpResponse:
    if row is not None and row.status is not None and row.body is not None:
        response = respond(row.status, bytes(row.body))
        response[REPLAYED] = "true"
        return response
    if row is None or not keyed.take_over():
        raise InProgress(row)
    object_id = row.object_id
    return _run(keyed, lambda: resume(object_id))


def _run(keyed: IdempotentRequest, work: Callable[[], Answer]) -> HttpResponse:
    try:
        answer = work()
    except KeyTaken:
        raise
    except BaseException:
        keyed.release()
        raise
    body = encode(answer.shape)
    keyed.answer(answer.status, body if answer.kept is None else encode(answer.kept))
    return respond(answer.status, body)


def _digest(request: HttpRequest, parts: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    for part in parts:
        digest.update(part)
    return digest.digest()


def _parts(fields: dict[str, str], files: Files) -> Iterable[bytes]:
    for name, value in sorted(fields.items()):
        yield encode([name, value])
    for name, file in sorted(files.items()):
        yield encode([name, file.name, file.size])
        yield from file.chunks()
        file.seek(0)
