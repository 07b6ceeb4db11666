"""What a form was answered, at an address of its own: Back and reload show the page, and send nothing once more.

A browser that goes back to the answer of a POST asks whether to send the form again. So a page that answers one is kept
for some minutes in Redis, sealed, and the browser is led to it. Without Redis the page is answered at once, as it is.
"""

import json
import logging
import secrets
from http import HTTPStatus
from typing import Any, Final

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from payments.core.crypto import Undecipherable, decrypt, encrypt
from payments.core.ids import is_id
from payments.runtime.throttling import client
from payments.services.idempotency import FormSubmission
from terminals.counter import cookies
from terminals.counter.page import guarded
from terminals.models import CounterBrowser
from terminals.services.counter import sign_ins
from terminals.services.counter.browsers import paired_by

logger = logging.getLogger(__name__)

KEPT_SECONDS: Final = 900
_VERBS: Final = ("mail", "cancel", "abort", "ask", "again", "remove")  # addresses that only take forms
_MADE: Final = {"ref": "counter_refunded", "act": "counter_action", "lnk": "counter_linked"}


def lead_to(request: HttpRequest, response: HttpResponse, browser: CounterBrowser | None) -> HttpResponse:
    """The way to the page that answers a form; whatever is no such page stays as it is."""
    if request.method != "POST" or isinstance(response, HttpResponseRedirect) or not response.content:
        return response
    if response.status_code == HTTPStatus.UNAUTHORIZED and cookies.read(request, cookies.SIGN_IN):
        # Of somebody whose sign-in has ended: nobody might open the answer, and with it the typed form that is kept.
        return response
    token = secrets.token_urlsafe(24)
    signed_in = response.cookies.get(cookies.SIGN_IN)  # who has just signed in is led on as that
    answer = {
        "browser": browser.id if browser is not None else None,
        "sign_in": cookies.read(request, cookies.SIGN_IN) if signed_in is None else signed_in.value,
        "once": request.POST.get("once", "")[:32],
        "status": response.status_code,
        "retry_after": response.get("Retry-After"),
        "page": response.content.decode(),
    }
    try:
        client().set(_key(token), encrypt(json.dumps({"counter_answer": answer})), ex=KEPT_SECONDS)
    except redis.RedisError:
        logger.warning("Redis does not answer; a page of the counter stands at its form's address.")
        return response
    away = redirect(f"{reverse('counter_answer', args=[token])}?{urlencode({'of': _page_of(request.path)})}")
    away.cookies = response.cookies
    return away


@require_safe
def show(request: HttpRequest, token: str) -> HttpResponse:
    """`/counter/answers/{token}`: for the browser and the person whose form it answered, as long as it is kept."""
    answer, browser = _kept(token), paired_by(cookies.read(request, cookies.BROWSER))
    if answer is None or "unattended" in request.GET or not _is_theirs(request, answer, browser):
        return guarded(redirect(_after(request)))
    made = _made(answer, browser)
    if made is not None:
        return guarded(made)
    response = guarded(HttpResponse(answer["page"], status=answer["status"]))
    if answer["retry_after"] is not None:
        response["Retry-After"] = answer["retry_after"]
    return response


def _is_theirs(request: HttpRequest, answer: dict[str, Any], browser: CounterBrowser | None) -> bool:
    """Whether the same person still sits there, if anybody did."""
    token = cookies.read(request, cookies.SIGN_IN)
    if answer["browser"] != (browser.id if browser is not None else None) or answer["sign_in"] != token:
        return False
    return browser is None or not token or sign_ins.current(browser, token, timezone.now()) is not None


def _made(answer: dict[str, Any], browser: CounterBrowser | None) -> HttpResponse | None:
    """The way to what the form has made since."""
    if browser is None or not answer["once"]:
        return None
    made = FormSubmission(merchant_id=browser.merchant_id, form_id=answer["once"]).made()
    name = next((name for kind, name in _MADE.items() if made is not None and is_id(made, kind)), None)
    return redirect(name, made) if name is not None else None


def _kept(token: str) -> dict[str, Any] | None:
    try:
        sealed: Any = client().get(_key(token))
        return dict(json.loads(decrypt(sealed.decode()))["counter_answer"]) if sealed else None
    except (redis.RedisError, Undecipherable, ValueError, KeyError):
        return None


def _key(token: str) -> str:
    return f"{settings.REDIS_PREFIX}counter_answer:{token[:64]}"


def _page_of(path: str) -> str:
    """The page on which a form stood."""
    if path.endswith(("/passkey", "/first-code")):
        return reverse("counter_sign_in")
    before, _, last = path.rpartition("/")
    return before if last in _VERBS else path


def _after(request: HttpRequest) -> str:
    wanted = request.GET.get("of", "")
    return wanted if wanted.startswith(cookies.PATH) and "//" not in wanted else reverse("counter")
