"""What every request passes: an id of its own, and refusals in the API's own form."""

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
OWN_FORM: Final = ("/admin", "/pay/", "/health/")  # pages for people, and states for a monitoring system
UNTOLD: Final = ("/health/", "/metrics", "/static/")  # asked every few seconds, or no news
SANE: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")

diary: Final = logging.getLogger("config.requests")

Answer = HttpResponseBase | Awaitable[HttpResponseBase]
GetResponse = Callable[[HttpRequest], Answer]


@sync_and_async_middleware
def request_id(get_response: GetResponse) -> GetResponse:
    """Give each request an id (or keep a sane one of its sender), in its answer and in every line logged for it."""

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
    """Answer only to the installation's own names: a foreign one would stand in links that are mailed or cached."""

    async def waiting(request: HttpRequest) -> HttpResponseBase:
        return _stranger(request) or await get_response(request)  # type: ignore[misc]

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return _stranger(request) or get_response(request)  # type: ignore[return-value]

    return waiting if iscoroutinefunction(get_response) else middleware


def _stranger(request: HttpRequest) -> HttpResponseBase | None:
    if request.path.startswith("/health/"):  # probes ask by the address of a container, and are told nothing else
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
    """Give what Django refuses by itself (no such address, a defect) the form of all refusals; pages stay pages."""

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
    """By route, not by address: ids in it would make a series each, and tokens in it are secrets."""
    seconds = time.perf_counter() - began
    route = str(request.resolver_match.route) if request.resolver_match else "none"
    method = str(request.method) if request.method in METHODS else "other"
    status = response.status_code
    REQUESTS.labels(method, route, status).observe(seconds)
    if not request.path.startswith(UNTOLD):
        about = {"method": method, "route": route, "status": status, "milliseconds": round(seconds * 1000, 1)}
        diary.info("%s %s %s", method, route, status, extra=about)


def _identified(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response["Request-Id"] = request.request_id  # type: ignore[attr-defined]
    response.headers.setdefault("Cache-Control", "no-store")  # what is kept elsewhere says so itself
    return response


def _formed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code < 400 or response.streaming or request.path.startswith(OWN_FORM):
        return response
    return as_problem(request, response)  # type: ignore[arg-type]
