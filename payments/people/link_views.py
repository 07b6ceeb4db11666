"""The pages of one-time links (join, recover, choose a new password), and the form that requests one."""

from typing import Any, Final

from django.contrib import admin, auth, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from payments.core.errors import Conflict
from payments.people import origin as origins
from payments.people.forms import AddressForm, JoinForm, NewPasswordForm
from payments.people.models import OneTimeLink, User
from payments.people.models.second_factor import base32, provisioning_uri
from payments.people.pictures import qr
from payments.people.services import one_time_links, second_factors, sign_in_throttle
from payments.people.services.second_factors import Enrolment
from payments.people.services.sign_in_throttle import Bucket, account
from payments.people.sign_in_views import let_in, page
from payments.people.throttled import refusal, throttled

FREE_LETTERS: Final = 5  # new passwords that one address or account asks for in ten minutes


@never_cache
@sensitive_post_parameters("password", "password_again", "code")
@require_http_methods(["GET", "POST"])
@throttled
def one_time_link(request: HttpRequest, token: str) -> HttpResponse:
    """Choose a password and, but for a password alone, set up the second factor; then one is in."""
    try:
        link = one_time_links.opened(token)
    except Conflict:
        return _not_good(request)
    enrolment = second_factors.begun(request, link.user, reason=link.id) if request.method == "POST" else None
    if enrolment is None:
        if request.method == "POST":
            messages.info(request, _("That took too long. Scan the new picture and go on."))
        return _ask(request, link, _form(link, None), second_factors.begin(request, link.user, reason=link.id))
    form = _form(link, request.POST)
    if form.is_valid():
        try:
            done = _use(request, link, form, enrolment)
        except Conflict:
            return _not_good(request)
        if done is not None:
            return done
    return _ask(request, link, form, enrolment)


@never_cache
@require_http_methods(["GET", "POST"])
def forgot_password(request: HttpRequest) -> HttpResponse:
    """Send a link for a new password to an address that has an account; the answer is the same for every address."""
    form = AddressForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        origin, address = origins.of(request), form.cleaned_data["email"]
        names = (f"forgot:{origin.address}", f"forgot:{account(address)}")
        if block := sign_in_throttle.attempt([Bucket(name, FREE_LETTERS) for name in names]):
            return refusal(request, block.seconds)
        user = User.objects.filter(username__iexact=address, email__iexact=address, is_active=True).first()
        if user is not None and user.has_usable_password():
            one_time_links.issue(user, OneTimeLink.Purpose.PASSWORD, actor=user.pk)
        messages.success(request, _("If this address has an account, an e-mail with a link is on its way."))
        return redirect("sign_in")
    return page(request, "people/forgot.html", form, _("Forgotten your password?"))


def shown_once(request: HttpRequest, user: User, codes: list[str]) -> TemplateResponse:
    """The page of recovery codes, which is not stored anywhere."""
    context = {**admin.site.each_context(request), "title": _("Recovery codes"), "codes": codes, "who": user}
    return TemplateResponse(request, "people/recovery_codes.html", context, headers={"Cache-Control": "no-store"})


def picture(enrolment: Enrolment, user: User) -> dict[str, Any]:
    """What a page shows of a new secret: to scan, to tap on a telephone, to type."""
    uri, key = provisioning_uri(enrolment.key, user.get_username()), base32(enrolment.key)
    return {"qr": qr(uri), "uri": uri, "key": " ".join(key[at : at + 4] for at in range(0, len(key), 4))}


def _form(link: OneTimeLink, posted: Any) -> NewPasswordForm:
    asks_code = one_time_links.takes_factor(link) or _must_prove(link)
    return (JoinForm if asks_code else NewPasswordForm)(posted, user=link.user)


def _must_prove(link: OneTimeLink) -> bool:
    """A mailbox alone changes no password of who has a factor."""
    return link.purpose == OneTimeLink.Purpose.PASSWORD and second_factors.has_one(link.user)


def _use(request: HttpRequest, link: OneTimeLink, form: NewPasswordForm, enrolment: Enrolment) -> HttpResponse | None:
    """Use the link; None where the code is wrong, with that on the form."""
    takes, step = one_time_links.takes_factor(link), None
    code, origin = form.cleaned_data.get("code", ""), origins.of(request)
    if takes:
        step = second_factors.shows(enrolment, code)
    if (takes and step is None) or (
        _must_prove(link) and not second_factors.prove(user=link.user, code=code, origin=origin)
    ):
        form.add_error("code", _("That code is not right. Wait for the next one and try again."))
        return None
    codes = one_time_links.use(link, password=form.cleaned_data["password"], enrolment=enrolment, step=step)
    second_factors.over(request)
    user = User.objects.get(pk=link.user_id)
    auth.logout(request)
    response = let_in(request, user, proved=takes or _must_prove(link), to="admin:index")
    if not codes:
        return response
    shown = shown_once(request, user, codes)
    shown.cookies = response.cookies
    return shown


def _ask(request: HttpRequest, link: OneTimeLink, form: NewPasswordForm, enrolment: Enrolment) -> HttpResponse:
    takes = one_time_links.takes_factor(link)
    title = {
        OneTimeLink.Purpose.INVITATION: _("Welcome to Onetill"),
        OneTimeLink.Purpose.RECOVERY: _("Recover your access"),
        OneTimeLink.Purpose.PASSWORD: _("Choose a new password"),
    }[OneTimeLink.Purpose(link.purpose)]
    shown = picture(enrolment, link.user) if takes else {}
    return page(request, "people/one_time_link.html", form, title, link=link, who=link.user, **shown)


def _not_good(request: HttpRequest) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": _("This link no longer works")}
    return TemplateResponse(request, "people/link_not_good.html", context, status=404)
