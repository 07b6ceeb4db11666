"""The pages for signing in (a password, then a second factor) and out."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import admin, auth, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure as default_csrf_failure
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from payments.people import kept_forms
from payments.people import origin as origins
from payments.people.forms import CodeForm, SignInForm
from payments.people.models import SignIn, User
from payments.people.permissions import only_looks
from payments.people.services import passkeys, second_factors, sign_in_attempts, sign_in_throttle, sign_ins
from payments.people.services.sign_in_throttle import account
from payments.people.throttled import refusal, throttled

PENDING_KEY: Final = "pending_sign_in"
PENDING_LASTS: Final = timedelta(minutes=5)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@throttled
def sign_in(request: HttpRequest) -> HttpResponse:
    """Take a name and a password; who may do more than look goes on to the second factor."""
    if request.method == "GET" and admin.site.has_permission(request):
        return redirect(after(request))
    form = SignInForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        user = sign_in_attempts.check(**_typed(form), origin=origins.of(request))
        if user is not None:
            return _with_password(request, user)
        form.add_error(None, _("This is not a name and a password that belong together."))
    return page(request, "people/sign_in.html", form, _("Sign in"), next=after(request))


@never_cache
@sensitive_post_parameters("code", "passkey")
@require_http_methods(["GET", "POST"])
@throttled
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """Check the second factor of a person whose password was right within the last minutes."""
    user = _pending(request)
    if user is None:
        messages.info(request, _("That took too long. Sign in once more."))
        return redirect(f"{reverse('sign_in')}")
    form, right = proof(request, user)
    if right:
        return let_in(request, user, proved=True, to=request.session.pop(PENDING_KEY)["next"])
    return page(
        request,
        "people/sign_in_code.html",
        form,
        _("Second factor"),
        has_factor=second_factors.has_one(user),
        passkey=passkeys.proof_options(request, user),
        who=user,
    )


@never_cache
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this sign-in."""
    user = request.user
    if isinstance(user, User) and user.sign_in_id:
        sign_ins.end(user, SignIn.Ended.SIGNED_OUT, actor=user.pk, only=[user.sign_in_id])
    auth.logout(request)
    messages.success(request, _("You are signed out."))
    return redirect("sign_in")


@never_cache
@require_http_methods(["GET"])
def kept_form(request: HttpRequest) -> HttpResponse:
    """Offer the form that was kept when the session ended."""
    assert isinstance(request.user, User)
    kept = kept_forms.take(request, request.user.pk)
    if kept is None:
        return redirect("admin:index")
    return TemplateResponse(
        request,
        "people/kept_form.html",
        {**admin.site.each_context(request), "title": _("What you typed was kept"), "kept": kept},
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Refuse a form without a valid CSRF token; at sign-in it counts as an attempt, since guessers load no page."""
    if request.path == reverse("sign_in"):
        name = request.POST.get("username", "")[:150]
        block = sign_in_throttle.attempt(sign_in_attempts.buckets(name, origins.of(request)))
        if block is not None:
            return refusal(request, block.seconds)
    return default_csrf_failure(request, reason)


def let_in(request: HttpRequest, user: User, *, proved: bool, to: str) -> HttpResponse:
    """Sign the person in, remember the browser for their account, and redirect to where they were."""
    sign_ins.start(request, user, proved=proved)
    response = redirect("kept_form" if kept_forms.waits(request) else to)
    origins.remember(response, origins.of(request), account(user.get_username()))
    return response


def proof(request: HttpRequest, user: User) -> tuple[CodeForm, bool]:
    """The form for a second factor with what is wrong with it, and whether the code or passkey sent is right."""
    if request.method != "POST":
        return CodeForm(), False
    form = CodeForm(request.POST)
    if answer := request.POST.get("passkey"):
        form = CodeForm()
        right = passkeys.prove(request, user, answer=answer)
        if not right:
            messages.error(request, _("That passkey is not one of this account, or took too long. Try again."))
        return form, right
    if not form.is_valid():
        return form, False
    right = second_factors.prove(user=user, code=form.cleaned_data["code"], origin=origins.of(request))
    if not right:
        form.add_error("code", _("That code is not right, was used already, or came too soon after a wrong one."))
    return form, right


def after(request: HttpRequest) -> str:
    """Where the person wanted to go, if that is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else reverse("admin:index")


def page(request: HttpRequest, template: str, form: Any, title: str, **more: Any) -> TemplateResponse:
    """A page for a person who is not signed in."""
    context = {**admin.site.each_context(request), "title": title, "form": form, **more}
    return TemplateResponse(request, template, context, status=422 if form is not None and form.errors else 200)


def _typed(form: SignInForm) -> dict[str, str]:
    return {"name": form.cleaned_data["username"], "password": form.cleaned_data["password"]}


def _with_password(request: HttpRequest, user: User) -> HttpResponse:
    if not (user.is_superuser or user.roles.exists()):
        messages.error(request, _("This account has no role any more. Ask an owner."))
        return redirect("sign_in")
    if only_looks(user) and not second_factors.has_one(user):
        return let_in(request, user, proved=False, to=after(request))
    until = (timezone.now() + PENDING_LASTS).isoformat()
    request.session.cycle_key()
    request.session[PENDING_KEY] = {"user": user.pk, "until": until, "next": after(request)}
    return redirect("sign_in_code")


def _pending(request: HttpRequest) -> User | None:
    pending = request.session.get(PENDING_KEY)
    if pending is None or timezone.now() >= datetime.fromisoformat(pending["until"]):
        return None
    return User.objects.filter(pk=pending["user"], is_active=True).first()
