"""The language switch: remembered with the person, wherever they sign in next."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from payments.admin.base.access import person
from payments.people.models import User


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Take the language, and go on where the person was."""
    wanted = request.POST.get("language", "")
    came_from = request.headers.get("Referer", "")
    safe = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure())
    answer = HttpResponseRedirect(came_from if safe else "../")
    if wanted in dict(settings.LANGUAGES):
        User.objects.filter(pk=person(request).pk).update(language=wanted)
        answer.set_cookie(settings.LANGUAGE_COOKIE_NAME, wanted, samesite="Lax", secure=request.is_secure())
    return answer
