"""How the counter's pages are answered: rendered in the person's language, with nothing loaded from elsewhere."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from terminals.counter import cookies

LANGUAGES: Final = tuple(code for code, _name in settings.LANGUAGES)
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self' {stream}; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, title: str, status: int = 200
) -> HttpResponse:
    """Render a page. `title` names it in the browser's list of pages and to who hears it read aloud."""
    languages = [(code, name) for code, name in settings.LANGUAGES if code != translation.get_language()]
    shared = {"title": title, "languages": languages, "path": request.get_full_path(), "stream": settings.STREAM_URL}
    return guarded(render(request, f"terminals/counter/{template}", {**shared, **context}, status=status))


def guarded(response: HttpResponse) -> HttpResponse:
    """Add what browsers are to hold against the page, a redirect or a picture."""
    response["Content-Security-Policy"] = POLICY.format(stream=settings.STREAM_URL)
    response["Permissions-Policy"] = "camera=(self)"
    response["Referrer-Policy"] = "same-origin"  # Django's check of forms reads it; other sites get nothing
    response["X-Robots-Tag"] = "noindex"
    response["Cache-Control"] = "no-store"
    return response


def language_of(request: HttpRequest, preferred: str) -> str:
    """The language chosen on this page, else the person's own, else the browser's."""
    chosen = cookies.read(request, cookies.LANGUAGE)
    return next((code for code in (chosen, preferred) if code in LANGUAGES), translation.get_language() or "en")
