"""What the counter's browsers keep: their token, that of who is signed in, and a language. No Django session."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

BROWSER: Final = "counter_browser"
SIGN_IN: Final = "counter_sign_in"
LANGUAGE: Final = "counter_language"
PATH: Final = "/counter/"
_DAYS: Final = 400  # the longest that browsers keep any


def read(request: HttpRequest, name: str) -> str:
    """The value of a cookie, cut short: a token of ours is not longer."""
    return request.COOKIES.get(name, "")[:200]


def keep(response: HttpResponse, name: str, value: str, *, lasting: bool = False) -> None:
    """Have the browser keep this; what is not `lasting` goes when it is closed."""
    response.set_cookie(
        name,
        value,
        max_age=_DAYS * 86_400 if lasting else None,
        path=PATH,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def drop(response: HttpResponse, name: str) -> None:
    """Have the browser forget this."""
    response.delete_cookie(name, path=PATH, samesite="Lax")
