"""Passkeys on the counter's page: signing in by one; for who has no account in the admin, adding and removing them."""

import json

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from payments.core.errors import OnetillError
from payments.people.services import passkeys as of_people
from terminals.counter import entry
from terminals.counter.desk import Desk, at_counter, with_browser
from terminals.counter.page import page
from terminals.models import CounterBrowser
from terminals.services.counter import passkeys
from terminals.services.counter.passkeys import Challenge


class PasskeyForm(forms.Form):
    """What the browser answers, and the ticket with which it was asked."""

    ticket = forms.CharField(max_length=4_000)
    passkey = forms.CharField(max_length=of_people.LONGEST)


class NewPasskeyForm(PasskeyForm):
    """What to call it, and the person's code once more."""

    name = forms.CharField(max_length=60)
    code = forms.CharField(max_length=20)


@require_safe
@with_browser
def ask(request: HttpRequest, browser: CounterBrowser) -> HttpResponse:
    """`/counter/passkey/ask`: what the browser is asked, of whoever works here."""
    return _asked(passkeys.ask(browser))


@sensitive_post_parameters("passkey")
@require_POST
@with_browser
def sign_in(request: HttpRequest, browser: CounterBrowser) -> HttpResponse:
    """`/counter/passkey`: who proves a passkey is signed in."""
    form = PasskeyForm(request.POST)
    given = form.cleaned_data if form.is_valid() else {"ticket": "", "passkey": ""}
    try:
        signed_in = passkeys.sign_in(browser, ticket=given["ticket"], answer=given["passkey"])
    except OnetillError as error:
        return entry.refused(request, browser, error)
    return entry.welcome(request, browser, signed_in)


@sensitive_post_parameters("passkey", "code")
@require_http_methods(["GET", "POST"])
@at_counter
def own(request: HttpRequest, desk: Desk) -> HttpResponse:
    """`/counter/passkeys`: one's own, and the way to add another."""
    if not passkeys.may_add(desk.user):
        raise Http404
    form = NewPasskeyForm(request.POST if request.method == "POST" else None)
    error, status = "", 200
    if request.method == "POST":
        error, status = _add(desk, form)
        if not error:
            return redirect("counter_passkeys")
    context = {"desk": desk, "rows": of_people.of(desk.user), "form": form, "error": error}
    return page(request, "passkeys.html", context, title=_("Your passkeys"), status=status)


@require_safe
@at_counter
def ask_new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """`/counter/passkeys/ask`: what the browser is asked in order to make one."""
    return _asked(passkeys.ask_new(desk.user, desk.browser) if passkeys.may_add(desk.user) else None)


@require_POST
@at_counter
def remove(request: HttpRequest, desk: Desk) -> HttpResponse:
    """`/counter/passkeys/remove`: one of one's own opens nothing any more."""
    if not passkeys.may_add(desk.user):
        raise Http404
    of_people.remove(desk.user, request.POST.get("id", ""))
    return redirect("counter_passkeys")


def _add(desk: Desk, form: NewPasskeyForm) -> tuple[str, int]:
    """What was wrong, in words, and the status; "" where it is kept."""
    if not form.is_valid():
        return _("Say what to call it, type your code, and follow what your browser asks."), 422
    given = form.cleaned_data
    try:
        passkeys.add(
            desk.user,
            desk.browser,
            code=given["code"],
            ticket=given["ticket"],
            answer=given["passkey"],
            name=given["name"],
        )
    except OnetillError as error:
        return entry.refusal_text(error), error.status
    return "", 200


def _asked(challenge: Challenge | None) -> HttpResponse:
    if challenge is None:
        raise Http404
    return JsonResponse({"options": json.loads(challenge.options), "ticket": challenge.ticket})
