"""Middleware: request ids, host checks, and errors as problem documents."""

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Final, cast

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from config.observability.logging import current_request_id
from payments.api.errors import as_problem, problem
from payments.core.errors import Malformed
from payments.core.ids import new_id
from payments.runtime.metrics import REQUESTS

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OWN_FORM: Final = ("/admin", "/counter", "/pay/", "/health/")  # pages for people, and states for a monitoring system
NOT_LOGGED: Final = ("/health/", "/metrics", "/static/")  # polled every few seconds, or of no interest
SANE: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")  # a client's id goes into logs: nothing that could break a line

logger: Final = logging.getLogger("config.requests")

Answer = HttpResponseBase | Awaitable[HttpResponseBase]
GetResponse = Callable[[HttpRequest], Answer]


@sync_and_async_middleware
def request_id(get_response: GetResponse) -> GetResponse:
    """Give each request an id (or keep a valid one of the client), in its response and every line logged for it."""

    async def waiting(request: HttpRequest) -> HttpResponseBase:
        token = current_request_id.set(_identify(request))
        began = time.perf_counter()
        try:
            response = await get_response(request)  # type: ignore[misc]
            _measure(request, response, began)
            return _identified(request, response)
        finally:
            current_request_id.reset(token)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        token = current_request_id.set(_identify(request))
        began = time.perf_counter()
        try:
            response = cast(HttpResponseBase, get_response(request))
            _measure(request, response, began)
            return _identified(request, response)
        finally:
            current_request_id.reset(token)

    return waiting if iscoroutinefunction(get_response) else middleware


@sync_and_async_middleware
def own_hosts(get_response: GetResponse) -> GetResponse:
    """Refuse requests for foreign host names, which would get into links that are mailed or cached."""

    async def waiting(request: HttpRequest) -> HttpResponseBase:
        return _refuse_host(request) or await get_response(request)  # type: ignore[misc]

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return _refuse_host(request) or get_response(request)  # type: ignore[return-value]

    return waiting if iscoroutinefunction(get_response) else middleware


def _refuse_host(request: HttpRequest) -> HttpResponseBase | None:
    if request.path.startswith("/health/"):  # probes use the address of a container; the answer holds no link
        request.META["HTTP_HOST"] = "localhost"
        return None
    try:
        request.get_host()
    except DisallowedHost:
        detail = "This server does not answer to that name. Name it in PUBLIC_URL, or add it to ALLOWED_HOSTS."
        return problem(Malformed("host_not_allowed", detail), request)
    return None


@sync_and_async_middleware
def problems(get_response: GetResponse) -> GetResponse:
    """Turn Django's own error responses (404, 500 …) into problem documents, except on pages for people."""

    async def waiting(request: HttpRequest) -> HttpResponseBase:
        return _formed(request, await get_response(request))  # type: ignore[misc]

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return _formed(request, get_response(request))  # type: ignore[arg-type]

    return waiting if iscoroutinefunction(get_response) else middleware


def _identify(request: HttpRequest) -> str:
    given = request.headers.get("Request-Id", "")
    identifier = given if SANE.fullmatch(given) else new_id("req")
    request.request_id = identifier  # type: ignore[attr-defined]
    return identifier


def _measure(request: HttpRequest, response: HttpResponseBase, began: float) -> None:
    """Measure and log by route, not by path: each id in a path would be a series of its own, and tokens are secrets."""
    seconds = time.perf_counter() - began
    route = str(request.resolver_match.route) if request.resolver_match else "none"
    method = str(request.method) if request.method in METHODS else "other"
    status = response.status_code
    REQUESTS.labels(method, route, status).observe(seconds)
    if not request.path.startswith(NOT_LOGGED):
        about = {"method": method, "route": route, "status": status, "milliseconds": round(seconds * 1000, 1)}
        logger.info("%s %s %s", method, route, status, extra=about)


def _identified(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response["Request-Id"] = request.request_id  # type: ignore[attr-defined]
    response.headers.setdefault("Cache-Control", "no-store")  # a response that may be cached sets its own
    return response


def _formed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code < 400 or response.streaming or request.path.startswith(OWN_FORM):
        return response
    return as_problem(request, response)  # type: ignore[arg-type]
