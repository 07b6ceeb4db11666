"""Reading a request's body: bounded, and as JSON that leaves nothing to interpretation."""

import json
import math
from typing import Any, Final, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import UnsupportedMediaType

from payments.core.errors import Malformed, TooLarge

DEEPEST: Final = 32  # levels of nesting; no request of ours needs more than five
Files = dict[str, UploadedFile[Any]]

DRAINED: Final = 64_000_000  # bytes of a refused body still read, so that its sender gets to see the refusal


def read_json(request: HttpRequest) -> tuple[bytes, Any]:
    """The body's bytes, and what they say.

    Raises:
        UnsupportedMediaType: it does not call itself JSON.
        TooLarge: it is over a megabyte.
        Malformed: it is no JSON, or JSON that two readers may read differently.
    """
    body = read_bytes(request) if request.content_type == "application/json" else b""
    return body, json_of(request, body)


def json_of(request: HttpRequest, body: bytes) -> Any:
    """What a body says that has been read.

    Raises:
        UnsupportedMediaType: it does not call itself JSON.
        Malformed: it is no JSON, or JSON that two readers may read differently.
    """
    if request.content_type != "application/json":
        raise UnsupportedMediaType(request.content_type or "")
    return parse(body)


def read_bytes(request: HttpRequest, limit: int | None = None) -> bytes:
    """The body, if it is not larger than `limit` bytes (by default what JSON may have)."""
    limit = limit or settings.MAX_JSON_BYTES
    refuse_length(request, limit)
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise too_large(limit) from error
    except UnreadablePostError as error:
        raise Malformed("body_incomplete", "The connection broke before the whole body came. Send it again.") from error
    if len(body) > limit:
        raise too_large(limit)
    return body


def read_form(request: HttpRequest, limit: int) -> tuple[dict[str, str], Files]:
    """The fields and files of a multipart form; large files go to disk while they come in."""
    if request.content_type != "multipart/form-data":
        raise UnsupportedMediaType(request.content_type or "")
    refuse_length(request, limit)
    try:
        fields = {name: str(value) for name, value in request.POST.items()}
        files = {name: file for name, file in request.FILES.items() if isinstance(file, UploadedFile)}
        _refuse_twice(request)
        return fields, files
    except (MultiPartParserError, UnreadablePostError) as error:
        raise Malformed("malformed_form", "The body is no multipart form. Send fields and files as one.") from error


def _refuse_twice(request: HttpRequest) -> None:
    parts = {name: len(request.POST.getlist(name)) + len(request.FILES.getlist(name)) for name in request.POST}
    parts |= {name: len(request.POST.getlist(name)) + len(request.FILES.getlist(name)) for name in request.FILES}
    if any(count > 1 for count in parts.values()):
        raise Malformed("malformed_form", "The form has two parts of one name. Send each only once.")


def refuse_length(request: HttpRequest, limit: int) -> None:
    """Refuse what announces itself as too long, reading it to its end where that is bearable."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length <= limit:
        return
    left = min(length, DRAINED)
    while left > 0 and (chunk := request.read(min(left, 65_536))):
        left -= len(chunk)
    raise too_large(limit)


def too_large(limit: int) -> TooLarge:
    """The refusal of a body over `limit` bytes."""
    return TooLarge("body_too_large", f"The body is larger than {limit} bytes. Send less at a time.")


def parse(body: bytes) -> Any:
    """Read strict JSON: UTF-8 without a mark, no member twice, no infinite number, no half character."""
    try:
        tree = json.loads(
            body.decode(), object_pairs_hook=_members, parse_constant=_refuse_constant, parse_float=_finite
        )
        _check(tree, depth=0)
    except UnicodeDecodeError as error:
        raise Malformed("malformed_json", "The body is not UTF-8. Encode it as UTF-8, without a mark.") from error
    except RecursionError as error:
        raise _too_deep() from error
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise Malformed("malformed_json", f"The body is not JSON: {_what_is_wrong(error)} at {at}.") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise Malformed("malformed_json", "The body holds a number too long to be one.") from error
    return tree


def _what_is_wrong(error: json.JSONDecodeError) -> str:
    """In our words, since Python's change with its versions: what stands there, or that something is missing."""
    found = error.doc[error.pos : error.pos + 1]
    if not error.doc.strip():
        return "it is empty; send at least {}"
    if not found:
        return "it ends too early"
    before = error.doc[: error.pos].rstrip()
    if before.endswith(",") and found in "}]":
        return "a comma stands before a closing bracket"
    return "this does not fit here"


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("malformed_json", "The body names a member of one object twice. Send each only once.")
    return members


def _refuse_constant(constant: str) -> NoReturn:
    raise Malformed("malformed_json", "The body holds NaN or Infinity, which is not JSON. Send numbers.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Malformed("malformed_json", "The body holds a number that is not finite.")
    return number


def _check(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise _too_deep()
    if isinstance(value, str):
        _check_characters(value)
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_characters(name)
            _check(member, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def _check_characters(text: str) -> None:
    """A lone surrogate is half a character: no database and no other program can store it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Malformed("malformed_json", "The body holds half a character (a lone surrogate).") from error


def _too_deep() -> Malformed:
    return Malformed("malformed_json", f"The body is nested deeper than {DEEPEST} levels.")
