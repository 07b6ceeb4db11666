"""The ways in and out: a browser is paired once, its people sign in with their code, and leave."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from payments.core.errors import NotFound, OnetillError, TooMany, ValidationFailed
from payments.people import origin
from terminals.counter import cookies
from terminals.counter.answers import lead_to
from terminals.counter.desk import paired, refusal_of, with_browser
from terminals.counter.kept import KeptForm, open_
from terminals.counter.page import LANGUAGES, guarded, language_of, page
from terminals.models import CounterBrowser, CounterSignIn
from terminals.services.counter import first_codes, sign_ins
from terminals.services.counter import pair as pairing
from terminals.services.counter import passkeys as of_passkeys
from terminals.services.counter.sign_in import SignedIn, Starting
from terminals.services.counter.sign_in import sign_in as check_code


class PairForm(forms.Form):
    """The code that the admin shows."""

    code = forms.CharField(max_length=64)


class FirstCodeForm(forms.Form):
    """A code of one's own, twice, and the ticket that shows who proved a starter code."""

    ticket = forms.CharField(max_length=2_000)
    code = forms.CharField(max_length=20)
    again = forms.CharField(max_length=20)


class SignInForm(forms.Form):
    """Who, and their code."""

    person = forms.CharField(max_length=30)
    code = forms.CharField(max_length=20)


@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def pair(request: HttpRequest) -> HttpResponse:
    """`/counter/pair`: take the code from the admin, once; the browser keeps a token from then on."""
    with translation.override(language_of(request, "")):
        if request.method == "GET" and paired(request) is not None:
            return guarded(redirect("counter"))
        form = PairForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            return guarded(lead_to(request, _pair(request, form), paired(request)))
        shown = page(request, "pair.html", {"form": form}, title=_("Pair this browser"), status=_status(form))
        return guarded(lead_to(request, shown, paired(request)))


@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
@with_browser
def sign_in(request: HttpRequest, browser: CounterBrowser) -> HttpResponse:
    """`/counter/sign-in`: who works here, and their code."""
    form = SignInForm(request.POST if request.method == "POST" else None)
    if request.method == "GET" or not form.is_valid():
        error = "" if request.method == "GET" else _("Choose your name and type your code.")
        return sign_in_page(request, browser, error=error, status=200 if request.method == "GET" else 422)
    given = form.cleaned_data
    try:
        signed_in = check_code(browser, user_id=given["person"], code=given["code"])
    except OnetillError as error:
        return refused(request, browser, error)
    if isinstance(signed_in, Starting):
        sign_ins.end_at(browser, CounterSignIn.Ended.NEXT_PERSON)
        response = _first_code_page(request, browser, ticket=first_codes.ticket_of(browser, signed_in))
        cookies.drop(response, cookies.SIGN_IN)  # also one that has ended: nobody might open the answer with it
        return response
    return welcome(request, browser, signed_in)


@sensitive_post_parameters("code", "again")
@require_POST
@with_browser
def first_code(request: HttpRequest, browser: CounterBrowser) -> HttpResponse:
    """`/counter/first-code`: who proved a starter code chooses the code that they sign in by from now on."""
    form = FirstCodeForm(request.POST)
    ticket = request.POST.get("ticket", "")[:2_000]
    if not form.is_valid() or form.cleaned_data["code"] != form.cleaned_data["again"]:
        error = _("The two codes differ.") if form.is_valid() else _("Type the same code twice.")
        return _first_code_page(request, browser, ticket=ticket, error=error, status=422)
    try:
        signed_in = first_codes.choose_first_code(browser, ticket=ticket, code=form.cleaned_data["code"])
    except ValidationFailed as refusal:
        return _first_code_page(request, browser, ticket=ticket, error=refusal_of(refusal), status=422)
    except OnetillError as error:
        return refused(request, browser, error)
    return welcome(request, browser, signed_in)


def welcome(request: HttpRequest, browser: CounterBrowser, signed_in: SignedIn) -> HttpResponse:
    """Where who has just signed in wanted to go, or the form that waits for them; the browser keeps the token."""
    kept = open_(request.POST.get("kept", ""))
    response = _offer(request, browser, kept, signed_in.row.user_id) if kept else redirect(_after(request))
    cookies.keep(response, cookies.SIGN_IN, signed_in.token)
    return response


@require_POST
@with_browser
def sign_out(request: HttpRequest, browser: CounterBrowser) -> HttpResponse:
    """`/counter/sign-out`: for the next person."""
    sign_ins.sign_out(browser, cookies.read(request, cookies.SIGN_IN))
    response = redirect("counter_sign_in")
    cookies.drop(response, cookies.SIGN_IN)
    return response


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """`/counter/language`: the language of this browser, whoever signs in at it."""
    response = redirect(_after(request))
    if request.POST.get("language") in LANGUAGES:
        cookies.keep(response, cookies.LANGUAGE, request.POST["language"], lasting=True)
    return guarded(response)


def sign_in_page(
    request: HttpRequest,
    browser: CounterBrowser,
    *,
    kept: str = "",
    error: str = "",
    chosen: str = "",
    status: int = 200,
) -> HttpResponse:
    """The names of who may sign in here, and the field for a code. `kept` is a form that waits for its person."""
    context = {
        "browser": browser,
        "staff": sign_ins.staff(browser.channel),
        "next": _after(request),
        "kept": kept,
        "error": error,
        "chosen": chosen,
        "over": request.method == "POST" and status == 401 and not error,
        "by_passkey": of_passkeys.known(browser).exists(),
    }
    return page(request, "sign_in.html", context, title=_("Who is there?"), status=status)


def _pair(request: HttpRequest, form: PairForm) -> HttpResponse:
    where = origin.of(request)
    status, wait = 422, None
    try:
        made = pairing.pair(code=form.cleaned_data["code"], browser=where.browser, address=where.address)
    except NotFound:
        form.add_error("code", _("This code is wrong, used or expired. Have a new one made in the admin."))
    except TooMany as refusal:
        status, wait = 429, refusal.retry_after
        form.add_error("code", _waiting(refusal.retry_after))
    else:
        response = guarded(redirect("counter_sign_in"))
        cookies.keep(response, cookies.BROWSER, made.token, lasting=True)
        return response
    response = page(request, "pair.html", {"form": form}, title=_("Pair this browser"), status=status)
    if wait is not None:
        response["Retry-After"] = str(wait)
    return response


def refused(request: HttpRequest, browser: CounterBrowser, error: OnetillError) -> HttpResponse:
    """The page of signing in, with what was wrong."""
    response = sign_in_page(
        request,
        browser,
        kept=request.POST.get("kept", ""),
        error=refusal_text(error),
        chosen=request.POST.get("person", ""),
        status=error.status,
    )
    if isinstance(error, TooMany):
        response["Retry-After"] = str(error.retry_after)
    return response


def refusal_text(error: OnetillError) -> str:
    """Why somebody is not signed in, in words for who stands there."""
    if isinstance(error, TooMany):
        return _waiting(error.retry_after)
    texts = {
        "staff_code_locked": _("Too many wrong codes were typed for you here. Choose another code in the admin."),
        "starter_code_needed": _("Too many wrong codes were typed for you here. Ask your manager for a starter code."),
        "staff_code_wrong": _("This is not your code for this store."),
        "passkey_wrong": _(
            "Nobody who works here has this passkey, or it took too long. Try again, or type your code."
        ),
        "passkey_not_good": _("This did not work, or this passkey is here already. Try again."),
        "starter_code_used": _("This starter code is used, or too old. Ask your manager for another."),
    }
    return texts.get(error.code) or refusal_of(error)


def _first_code_page(
    request: HttpRequest, browser: CounterBrowser, *, ticket: str, error: str = "", status: int = 200
) -> HttpResponse:
    context = {"browser": browser, "ticket": ticket, "error": error, "next": _after(request)}
    return page(request, "first_code.html", context, title=_("Choose your own code"), status=status)


def _offer(request: HttpRequest, browser: CounterBrowser, kept: KeptForm, user_id: str) -> HttpResponse:
    """What the person had typed, to be sent by one more touch; somebody else's is thrown away."""
    if kept.user_id != user_id:
        return redirect("counter")
    with timezone.override(browser.merchant.zone):
        return page(request, "kept.html", {"kept": kept, "browser": browser}, title=_("What you typed was kept"))


def _after(request: HttpRequest) -> str:
    """Where the person wanted to go, if that is a page of the counter."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe and wanted.startswith(cookies.PATH) else reverse("counter")


def _waiting(seconds: int) -> str:
    minutes = max(1, round(seconds / 60))
    return ngettext(
        "Too many attempts. Wait %(count)d minute, then try again.",
        "Too many attempts. Wait %(count)d minutes, then try again.",
        minutes,
    ) % {"count": minutes}


def _status(form: forms.Form) -> int:
    return 422 if form.is_bound else 200
