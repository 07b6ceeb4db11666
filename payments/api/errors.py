"""Every refusal in one form: RFC 9457 problem+json with a stable code and what to do."""

import logging
from http.client import responses
from typing import Any, Final

import msgspec
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as drf
from rest_framework.request import Request

from payments.core.errors import (
    Fault,
    Forbidden,
    Malformed,
    NotFound,
    OnetillError,
    Unauthenticated,
    ValidationFailed,
)

CONTENT_TYPE: Final = "application/problem+json"
SECONDS_TO_WAIT: Final = 2
# Statuses that servers and frameworks answer by themselves, before any code of ours.
_PLAIN: Final[dict[int, tuple[str, str]]] = {
    400: ("malformed_request", "The request cannot be read. Check its headers and its body."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address. See /v1/docs."),
    405: ("method_not_allowed", "This address does not take this method. See the Allow header."),
    413: ("body_too_large", "The body is too large. Send less at a time."),
    415: ("unsupported_media_type", "Send the header Content-Type: application/json (of files: multipart/form-data)."),
    429: ("too_many_requests", "Too many requests. Wait as long as Retry-After says."),
    500: ("internal_error", "Something went wrong here. Repeat the request with the same Idempotency-Key: "
                            "nothing is done twice. If it stays, report the request_id."),
    503: ("unavailable", "The database is busy. Repeat the request with the same Idempotency-Key."),
}  # fmt: skip

logger = logging.getLogger(__name__)


class MethodNotAllowed(OnetillError):
    """The address does not take this method."""

    status = 405
    title = "Method not allowed"

    def __init__(self) -> None:
        super().__init__(*_PLAIN[405])


class UnsupportedMediaType(OnetillError):
    """The body calls itself something that is not read here."""

    status = 415
    title = "Unsupported media type"

    def __init__(self) -> None:
        super().__init__(*_PLAIN[415])


class Unavailable(OnetillError):
    """A lock or a connection could not be had in time; nothing was done."""

    status = 503
    title = "Unavailable"

    def __init__(self) -> None:
        super().__init__(*_PLAIN[503])
        self.retry_after = SECONDS_TO_WAIT


def handle(exception: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Answer what a view raised; `None` leaves a defect to Django, which logs it with its traceback."""
    request: Request = context["request"]
    refusal = _refusal(exception)
    if refusal is None:
        return None
    if isinstance(exception, OperationalError):
        logger.warning("The database did not answer in time: %s", exception)
    answer = problem(refusal, request)
    if isinstance(refusal, MethodNotAllowed):
        answer["Allow"] = ", ".join(context["view"].allowed_methods)
    return answer


def problem(error: OnetillError, request: HttpRequest | Request) -> HttpResponse:
    """The answer that tells a refusal."""
    members = dict(error.members)
    if faults := _faults(error):
        members["errors"] = [{"param": at.param, "code": at.code, "detail": at.detail} for at in faults]
    fields = {"code": error.code, "detail": error.detail, "param": error.param, **members}
    answer = _write(request, error.status, error.title, fields)
    if isinstance(error, Unauthenticated):
        answer["WWW-Authenticate"] = "Bearer"
    if (seconds := getattr(error, "retry_after", None)) is not None:
        answer["Retry-After"] = str(seconds)
    return answer


def as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Give a refusal that a framework made (no such address, a defect) the form of all others."""
    if response.status_code < 400 or response["Content-Type"].startswith(CONTENT_TYPE):
        return response
    code, detail = _PLAIN.get(response.status_code, ("refused", "The request was refused."))
    fields = {"code": code, "detail": detail, "param": None}
    answer = _write(request, response.status_code, _phrase(response.status_code), fields)
    for name in ("Allow", "Retry-After"):
        if name in response:
            answer[name] = response[name]
    return answer


def _faults(error: OnetillError) -> list[Fault]:
    """What is wrong, place by place; a service that finds one fault tells it in the same form as a body's."""
    if isinstance(error, ValidationFailed):
        return error.faults
    return []


def _refusal(exception: Exception) -> OnetillError | None:
    match exception:
        case OnetillError():
            return exception
        case drf.MethodNotAllowed():
            return MethodNotAllowed()
        case drf.UnsupportedMediaType():
            return UnsupportedMediaType()
        case Http404() | drf.NotFound():
            return NotFound()
        case PermissionDenied() | drf.PermissionDenied():
            return Forbidden(*_PLAIN[403])
        case drf.ParseError() | BadRequest() | SuspiciousOperation():
            return Malformed(*_PLAIN[400])
        case OperationalError():
            return Unavailable()
        case _:
            return None


def _write(request: HttpRequest | Request, status: int, title: str, fields: dict[str, Any]) -> HttpResponse:
    members = {
        "type": f"{settings.PUBLIC_URL}/v1/errors/{fields['code']}",
        "title": title,
        "status": status,
        "request_id": getattr(request, "request_id", None),
    }
    return HttpResponse(msgspec.json.encode({**members, **fields}), CONTENT_TYPE, status)


def _phrase(status: int) -> str:
    return responses.get(status, "Refused")
