"""The documentation: the OpenAPI document, a page to browse it without the internet, and a page per error code."""

from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView

from payments.api.error_catalog import ERRORS
from payments.api.errors import handle

# Swagger UI sets styles of its own and draws its icons from data.
POLICY: Final = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


@extend_schema(exclude=True)
class Document(SpectacularJSONAPIView):
    """`GET /v1/openapi.json`, the same for everyone."""

    authentication_classes = ()
    permission_classes = ()
    http_method_names = ["get", "head"]

    def get_exception_handler(self) -> Any:
        return handle


@csrf_exempt
@require_safe
def browse(request: HttpRequest) -> HttpResponse:
    """`GET /v1/docs`: Swagger UI from our own static files, with no script in the page."""
    return _own(render(request, "payments/docs.html"))


@csrf_exempt
@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    """`GET /v1/errors`: every code with what it means, as a page for browsers, else as JSON."""
    if request.accepts("text/html") and "text/html" in request.headers.get("Accept", ""):
        return _own(render(request, "payments/errors.html", {"errors": ERRORS}))
    entries = [{"code": code, "detail": detail, "url": _address(code)} for code, detail in ERRORS.items()]
    return JsonResponse({"object": "list", "data": entries, "has_more": False, "next_cursor": None})


@csrf_exempt
@require_safe
def error(request: HttpRequest, code: str) -> HttpResponse:
    """`GET /v1/errors/{code}`: what `type` of a refusal leads to."""
    if code not in ERRORS:
        raise Http404
    return _own(render(request, "payments/errors.html", {"errors": {code: ERRORS[code]}}))


def _address(code: str) -> str:
    return f"{settings.PUBLIC_URL}/v1/errors/{code}"


def _own(page: HttpResponse) -> HttpResponse:
    """A page that fetches nothing from anywhere else, and runs nothing that stands in it."""
    page["Content-Security-Policy"] = POLICY
    return page


urlpatterns = [
    path("v1/openapi.json", Document.as_view()),
    path("v1/docs", browse),
    path("v1/errors", errors),
    re_path(r"^v1/errors/(?P<code>[a-z][a-z0-9_]{1,63})$", error),
]
