"""The documentation: the OpenAPI document, a page to browse it without the internet, and a page per error code."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView

from payments.api.errors import handle
from payments.api.guide import ERRORS, OTHERS

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
def error(request: HttpRequest, code: str) -> HttpResponse:
    """`GET /v1/errors/{code}`: what `type` of a refusal leads to."""
    return _own(render(request, "payments/error.html", {"code": code, "text": ERRORS.get(code, OTHERS)}))


def _own(page: HttpResponse) -> HttpResponse:
    """A page that fetches nothing from anywhere else, and runs nothing that stands in it."""
    page["Content-Security-Policy"] = POLICY
    return page


urlpatterns = [
    path("v1/openapi.json", Document.as_view()),
    path("v1/docs", browse),
    re_path(r"^v1/errors/(?P<code>[a-z][a-z0-9_]{1,63})$", error),
]
