"""The answer to those who tried to sign in too often; a guesser gets it before Django has even seen the request."""

import io
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from typing import Any, Final
from urllib.parse import unquote_plus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, parse_cookie
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import trans_real

from payments.core.errors import TooMany
from payments.people import origin as origins
from payments.people.services import sign_in_attempts

PATH: Final = "/admin/login/"
ROUNDED: Final = 10  # seconds: few pages are made, and kept
LONGEST_FORM: Final = 8_000  # bytes; a name, a password and where to go next are shorter
STATUS: Final = "429 Too Many Requests"


def throttled(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view that checks passwords or codes and throttles: too many attempts are answered with the time to wait."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except TooMany as wait:
            return refusal(request, wait.retry_after)

    return answer


def refusal(request: HttpRequest, seconds: int) -> HttpResponse:
    """Say how long to wait, in the language of the page that was sent."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return HttpResponse(_page(language, _rounded(seconds)), status=429, headers=_headers(seconds))


def seconds_to_wait(environ: dict[str, Any]) -> int:
    """Return the seconds that this sign-in has to wait, by this process's memory alone; 0: let Django check it.

    Ten thousand of these cost less than a second of processor time: neither Redis nor the database is queried.
    """
    if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] != PATH:
        return 0
    cookie = environ.get("HTTP_COOKIE", "")
    device = parse_cookie(cookie).get(origins.DEVICE_COOKIE, "") if f"{origins.DEVICE_COOKIE}=" in cookie else ""
    address = origins.address_in(environ)
    return sign_in_attempts.blocked(_name(environ), origins.at(address, device=device))


def refuse(environ: dict[str, Any], start_response: Callable[..., Any], seconds: int) -> Iterable[bytes]:
    """Answer as a `throttled` view does, in the language that the browser asks for."""
    page = _page(_language(environ.get("HTTP_ACCEPT_LANGUAGE", "")[:100]), _rounded(seconds))
    start_response(STATUS, [*_headers(seconds).items(), ("Content-Length", str(len(page)))])
    return [page]


def _name(environ: dict[str, Any]) -> str:
    """Return the username of a posted form and rewind the body for its next reader; empty for any other body."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return ""
    if not 0 < length <= LONGEST_FORM:
        return ""
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    for field in body.split(b"&"):
        if field.startswith(b"username="):
            return unquote_plus(field[9:].decode("latin-1"))[:150]
    return ""


def _headers(seconds: int) -> dict[str, str]:
    return {"Content-Type": "text/html; charset=utf-8", "Retry-After": str(seconds), "Cache-Control": "no-store"}


def _rounded(seconds: int) -> int:
    return -(-seconds // ROUNDED) * ROUNDED


@lru_cache(maxsize=256)
def _page(language: str, seconds: int) -> bytes:
    with translation.override(language):
        return render_to_string("people/throttled.html", {"seconds": seconds}).encode()


@lru_cache(maxsize=256)
def _language(accepted: str) -> str:
    for wanted, _weight in trans_real.parse_accept_lang_header(accepted):
        try:
            return translation.get_supported_language_variant(wanted)
        except LookupError:
            continue
    return str(settings.LANGUAGE_CODE)
