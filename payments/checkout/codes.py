"""A payment link as a QR code, to be shown in a store or printed on an invoice."""

import io

import segno
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from payments.models import PaymentLink
from payments.services.link import address


@require_safe
def svg(request: HttpRequest, token: str) -> HttpResponse:
    """`GET /pay/{token}/qr.svg`."""
    return _image(token, "svg", "image/svg+xml", scale=8, xmldecl=False)


@require_safe
def png(request: HttpRequest, token: str) -> HttpResponse:
    """`GET /pay/{token}/qr.png`: fit for print."""
    return _image(token, "png", "image/png", scale=12)


def _image(token: str, kind: str, content_type: str, **look: int | bool) -> HttpResponse:
    link = get_object_or_404(PaymentLink, token=token)
    image = io.BytesIO()
    segno.make(address(link), error="m", micro=False).save(image, kind=kind, border=4, **look)
    answer = HttpResponse(image.getvalue(), content_type=content_type)
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    answer["Cache-Control"] = "private, max-age=3600"
    return answer
