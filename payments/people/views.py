"""The pages of one's own account: the second factor, the password, and where one is signed in."""

from django.contrib import admin, auth, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from payments.core.errors import Invalid
from payments.people import kept_forms
from payments.people import origin as origins
from payments.people.forms import ChangePasswordForm, CodeForm, PasskeyForm
from payments.people.link_views import picture, shown_once
from payments.people.models import SignIn, User
from payments.people.services import passkeys, passwords, second_factors, sign_in_attempts, sign_ins
from payments.people.services.approvals import has_recent_second_factor
from payments.people.sign_in_views import after, let_in, proof
from payments.people.throttled import throttled


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
@throttled
def second_factor(request: HttpRequest) -> HttpResponse:
    """Take the six digits, which count for a quarter of an hour in this session."""
    user, to = _person(request), after(request)
    form, right = proof(request, user)
    row = sign_ins.of(request, user)
    if right and row is not None:
        sign_ins.proved(request, row)
        messages.success(request, _("Your second factor counts for a quarter of an hour."))
        return redirect("kept_form" if kept_forms.waits(request) else to)
    return _page(
        request,
        "people/second_factor.html",
        _("Second factor"),
        form=form,
        next=to,
        has_factor=second_factors.has_one(user),
        passkey=passkeys.proof_options(request, user),
    )


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def replace_factor(request: HttpRequest) -> HttpResponse:
    """Set up another device, by who has just proved the one there is."""
    user = _person(request)
    if not has_recent_second_factor(user):
        return _prove_first(request)
    enrolment = (
        second_factors.begun(request, user, reason=second_factors.REPLACING) if request.method == "POST" else None
    )
    form = CodeForm(request.POST if enrolment else None)
    if enrolment is None:
        enrolment = second_factors.begin(request, user, reason=second_factors.REPLACING)
    elif form.is_valid():
        step = second_factors.shows(enrolment, form.cleaned_data["code"])
        if step is not None:
            codes = second_factors.enrol(user, enrolment, step=step, actor=user.pk)
            second_factors.over(request)
            let_in(request, user, proved=True, to="account")
            return shown_once(request, user, codes)
        form.add_error("code", _("That code is not right. Wait for the next one and try again."))
    title = _("Set up another device")
    return _page(request, "people/replace_factor.html", title, form=form, **picture(enrolment, user))


@never_cache
@require_http_methods(["GET"])
def account(request: HttpRequest) -> HttpResponse:
    """One's own account, and where one is signed in."""
    user = _person(request)
    return _page(
        request,
        "people/account.html",
        _("Your account"),
        has_factor=second_factors.has_one(user),
        codes_left=second_factors.codes_left(user),
        passkeys=passkeys.of(user),
        takes_passkeys=passkeys.available(),
        rows=sign_ins.listed(user, timezone.now()),
        this=user.sign_in_id,
    )


@never_cache
@require_POST
def end_sign_ins(request: HttpRequest) -> HttpResponse:
    """End one of one's own sign-ins, or all but this."""
    user, one = _person(request), request.POST.get("sign_in")
    ended = sign_ins.end(
        user, SignIn.Ended.BY_PERSON, actor=user.pk, only=[one] if one else None, keep=None if one else user.sign_in_id
    )
    message = ngettext("%(count)d sign-in is ended.", "%(count)d sign-ins are ended.", ended) % {"count": ended}
    messages.success(request, message)
    return redirect("account")


@never_cache
@require_POST
def renew_codes(request: HttpRequest) -> HttpResponse:
    """Show ten other recovery codes, to who has just proved the factor."""
    user = _person(request)
    if not has_recent_second_factor(user):
        return _prove_first(request)
    return shown_once(request, user, second_factors.renew_codes(user))


@never_cache
@require_http_methods(["GET", "POST"])
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Register a passkey of the device one sits at, by who has just proved a second factor."""
    user = _person(request)
    if not has_recent_second_factor(user):
        return _prove_first(request)
    form = PasskeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            passkeys.register(request, user, answer=given["passkey"], name=given["name"])
        except Invalid:
            form.add_error(None, _("This did not work, or this device has a passkey here already. Try again."))
        else:
            messages.success(request, _("The passkey is added."))
            return redirect("account")
    options = passkeys.registration_options(request, user) if passkeys.available() else ""
    return _page(request, "people/add_passkey.html", _("Add a passkey"), form=form, passkey=options)


@never_cache
@require_POST
def remove_passkey(request: HttpRequest) -> HttpResponse:
    """Take one of one's own passkeys away, by who has just proved a second factor."""
    user = _person(request)
    if not has_recent_second_factor(user):
        return _prove_first(request)
    if passkeys.remove(user, request.POST.get("passkey", "")):
        messages.success(request, _("The passkey is removed."))
    return redirect("account")


@never_cache
@sensitive_post_parameters("old_password", "password", "password_again")
@require_http_methods(["GET", "POST"])
@throttled
def change_password(request: HttpRequest) -> HttpResponse:
    """Change one's own password; every other sign-in ends."""
    user = _person(request)
    form = ChangePasswordForm(request.POST if request.method == "POST" else None, user=user)
    if request.method == "POST" and form.is_valid():
        given, origin = form.cleaned_data, origins.of(request)
        known = sign_in_attempts.check(name=user.username, password=given["old_password"], origin=origin)
        if known is not None:
            passwords.change(known, given["password"], actor=user.pk, keep=user.sign_in_id)
            auth.update_session_auth_hash(request, known)
            messages.success(request, _("Your password is changed; all other sign-ins are ended."))
            return redirect("account")
        form.add_error("old_password", _("This is not your password."))
    return _page(request, "people/change_password.html", _("Change your password"), form=form)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "these pages are for who is signed in"
    user = User.objects.get(pk=request.user.pk)
    user.second_factor_at, user.sign_in_id = request.user.second_factor_at, request.user.sign_in_id
    return user


def _prove_first(request: HttpRequest) -> HttpResponse:
    messages.warning(request, _("Prove with your second factor who you are, then go on."))
    back = request.path if request.method == "GET" else reverse("account")
    return redirect(f"{reverse('second_factor')}?{urlencode({'next': back})}")


def _page(request: HttpRequest, template: str, title: str, **more: object) -> TemplateResponse:
    form = more.get("form")
    status = 422 if getattr(form, "errors", None) else 200
    context = {**admin.site.each_context(request), "title": title, **more}
    return TemplateResponse(request, template, context, status=status)
