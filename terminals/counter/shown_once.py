"""A voucher's code is told once, to who made it: their browser keeps it, sealed, while the page may be reloaded."""

import json
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from payments.core.crypto import Undecipherable, decrypt, encrypt
from payments.services.refunds.result import RefundResult
from terminals.counter import cookies

COOKIE: Final = "counter_code"
SECONDS: Final = 600
_LONGEST: Final = 1_000


def to_refund(result: RefundResult) -> HttpResponse:
    """The way to a refund that was just made, with its new voucher's code where it has one."""
    response = redirect("counter_refunded", refund_id=result.refund.id)
    if result.voucher_code is not None:
        keep(response, result.refund.id, result.voucher_code)
    return response


def keep(response: HttpResponse, object_id: str, code: str) -> None:
    """Let this browser show the code of this object for some minutes."""
    response.set_cookie(
        COOKIE,
        encrypt(json.dumps({"counter_code": [object_id, code]})),
        max_age=SECONDS,
        path=cookies.PATH,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def read(request: HttpRequest, object_id: str) -> str | None:
    """The code of this object, where this browser has just made it."""
    sealed = request.COOKIES.get(COOKIE, "")[:_LONGEST]
    try:
        of, code = json.loads(decrypt(sealed))["counter_code"] if sealed else ("", "")
    except (Undecipherable, ValueError, TypeError, KeyError):
        return None
    return str(code) if of == object_id else None
