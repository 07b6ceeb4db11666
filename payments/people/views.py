"""The page on which a person sets up a second factor, or proves it."""

import io

import django_otp
import segno
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from payments.people.middleware import SESSION_KEY
from payments.people.models import User
from payments.people.services import second_factors


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """Show the code to scan (once, before the first proof) and take the six digits."""
    user = User.objects.get(pk=request.user.pk)
    after = _after(request)
    if request.method == "POST":
        factor = second_factors.prove(user=user, code=request.POST.get("code", ""))
        if factor is not None:
            django_otp.login(request, factor)
            request.session[SESSION_KEY] = timezone.now().isoformat()
            messages.success(request, _("Your second factor counts for a quarter of an hour."))
            return redirect(after)
        messages.error(request, _("That code is not right, or came too soon after a wrong one."))
    factor = second_factors.of(user)
    context = {
        **admin.site.each_context(request),
        "title": _("Second factor"),
        "next": after,
        "qr": None if factor.confirmed else _picture(factor.address()),
        "address": None if factor.confirmed else factor.address(),
    }
    return TemplateResponse(request, "people/second_factor.html", context)


def _after(request: HttpRequest) -> str:
    """Where the person came from, if that is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else reverse("admin:index")


def _picture(text: str) -> str:
    drawn = io.BytesIO()
    segno.make(text, error="m").save(drawn, kind="svg", scale=5, xmldecl=False, light="#fff", title="QR")
    return drawn.getvalue().decode()
