"""The pay page: the amount, the methods, and the outcome. It needs no cookie and no JavaScript."""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from payments.checkout.forms import PayForm
from payments.checkout.refusals import explain
from payments.core.errors import NotFound, OnetillError, TooMany
from payments.models import Payment, PaymentLink
from payments.models.payment import Method, PaymentStatus
from payments.payloads import PAYMENT_RELATED
from payments.people.origin import address_in
from payments.queries.links import with_status
from payments.runtime import throttling
from payments.services import link as service
from payments.services import pay_link
from payments.text.formatting import title

Status = PaymentLink.Status
View = Callable[..., HttpResponse]

LANGUAGES: Final = tuple(code for code, _ in settings.LANGUAGES)
UNDER_WAY: Final = (PaymentStatus.PROCESSING, PaymentStatus.UNKNOWN)
RETURNED: Final = (*UNDER_WAY, PaymentStatus.REQUIRES_ACTION)  # who comes back may be quicker than the bank
FAILED: Final = (PaymentStatus.DECLINED, PaymentStatus.CANCELED, PaymentStatus.EXPIRED, PaymentStatus.REVERSED)
PAID: Final = (PaymentStatus.CAPTURED, PaymentStatus.AUTHORIZED)


def in_own_language(view: View) -> View:
    """Speak the language that the page's own switch chose, else the browser's."""

    @wraps(view)
    def translated(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        chosen = request.GET.get("lang", "")
        with translation.override(chosen if chosen in LANGUAGES else translation.get_language()):
            response = view(request, *args, **kwargs)
            if isinstance(response, TemplateResponse):
                response.render()
        return response

    return translated


# Exempt from CSRF: nobody is signed in, and a forged request can only start a payment that its victim must confirm.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@in_own_language
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """`/pay/{token}`: the page, and what its form sends."""
    row = with_status(PaymentLink.objects.filter(token=token)).first()
    if row is None:
        return _page(request, "payments/pay/unknown.html", {}, status=404)
    if request.method == "POST":
        return _take(request, row)
    return _show(request, row, PayForm(link=row, is_open=service.amount_due(row) is None))


@require_safe
@never_cache
@in_own_language
def sign(request: HttpRequest, token: str) -> HttpResponse:
    """`/pay/{token}/qr`: the code with what it is for, to be shown on a counter's screen or printed."""
    row = with_status(PaymentLink.objects.filter(token=token)).first()
    if row is None:
        return _page(request, "payments/pay/unknown.html", {}, status=404)
    return _page(
        request,
        "payments/pay/sign.html",
        {
            "link": row,
            "merchant": row.merchant,
            "amount_due": service.amount_due(row),
            "active": row.status == Status.ACTIVE,
            "address": service.address(row),
            "languages": _languages(request),
        },
    )


def _take(request: HttpRequest, row: PaymentLink) -> HttpResponse:
    """Make the payment that the form asks for, and send the customer to where it is finished."""
    form = PayForm(request.POST, link=row, is_open=service.amount_due(row) is None)
    if not form.is_valid():
        return _show(request, row, form, status=422)
    given = form.cleaned_data
    try:
        payment = pay_link.pay(
            row,
            method=given["method"],
            attempt=given["attempt"],
            visitor=address_in(request.META),
            amount=form.minor,
            voucher_code=given["voucher_code"] if given["method"] == Method.VOUCHER else None,
        )
    except OnetillError as refusal:
        return _refuse(request, row, form, refusal)
    if payment.status == PaymentStatus.REQUIRES_ACTION and payment.redirect_url:
        return _seen(HttpResponseRedirect(payment.redirect_url, status=303))
    return _seen(HttpResponseRedirect(_here(request, given["attempt"]), status=303))


def _refuse(request: HttpRequest, row: PaymentLink, form: PayForm, refusal: OnetillError) -> HttpResponse:
    """Show the refusal on the form, and throttle visitors that try many unknown codes: they are guessing."""
    seconds = throttling.record_failure("voucher", row.id) if isinstance(refusal, NotFound) else None
    form.add_error(None, explain(refusal if seconds is None else None))
    seconds = refusal.retry_after if isinstance(refusal, TooMany) else seconds
    response = _show(request, service.read(row.id), form, status=422 if seconds is None else 429)
    if seconds is not None:
        response["Retry-After"] = str(seconds)
    return response


def _show(request: HttpRequest, row: PaymentLink, form: PayForm, status: int = 200) -> HttpResponse:
    payment = _payment(row, request.GET.get("attempt", ""))
    state = _state(row, payment, came_back="attempt" in request.GET)
    methods = service.methods(row)
    return _page(
        request,
        "payments/pay/page.html",
        {
            "link": row,
            "merchant": row.merchant,
            "channel": row.channel,
            "state": state,
            "payment": payment,
            "amount_due": service.amount_due(row),
            "form": form,
            "attempt": secrets.token_hex(16),
            "methods": [(method, title(str(Method(method).label))) for method in methods if method != Method.VOUCHER],
            "voucher": Method.VOUCHER in methods,
            "languages": _languages(request),
        },
        status=status,
    )


def _payment(row: PaymentLink, attempt: str) -> Payment | None:
    """The payment this visitor made: the attempt's, or of a link that is paid once the last one's."""
    if attempt:
        return pay_link.paid_by(row, attempt)
    if row.reusable:
        return None
    payments = Payment.objects.filter(by_link__link=row).select_related(*PAYMENT_RELATED)
    return payments.order_by("-id").first()


def _state(row: PaymentLink, payment: Payment | None, *, came_back: bool) -> str:
    """What the page says: `paid`, `waiting`, `again`, `open`, `expired` or `canceled`."""
    if row.status == Status.PAID or (row.reusable and payment is not None and payment.status in PAID):
        return "paid"
    if payment is not None and payment.status in (RETURNED if came_back else UNDER_WAY):
        return "waiting"
    if row.status != Status.ACTIVE:
        return str(row.status)
    return "again" if payment is not None and payment.status in FAILED else "open"


def _languages(request: HttpRequest) -> list[tuple[str, str, str]]:
    return [(code, name, f"{request.path}?lang={code}") for code, name in settings.LANGUAGES]


def _here(request: HttpRequest, attempt: str) -> str:
    language = request.GET.get("lang", "")
    chosen = f"&lang={language}" if language in LANGUAGES else ""
    return f"{request.path}?attempt={attempt}{chosen}"


def _page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return _seen(TemplateResponse(request, template, context, status=status))


def _seen(response: HttpResponse) -> HttpResponse:
    """Nothing of others is loaded, no script stands in the page; the address, a secret, goes to no other site."""
    # Browsers hold a form's redirects against form-action: a provider's page is https, the simulator's is our own.
    simulator = urlsplit(settings.SIMULATOR_URL)
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' https: {simulator.scheme}://{simulator.netloc}"
    )
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
