"""Who acts in the admin: signed in here and still, when they last proved a second factor, in which language."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject

from payments.people.models import User
from payments.people.services import sign_ins

GetResponse = Callable[[HttpRequest], HttpResponse]


def person(get_response: GetResponse) -> GetResponse:
    """Set the signed-in user and their language; without a session nothing is queried."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return get_response(request)
        user = request.user
        request.user = SimpleLazyObject(lambda: signed_in(request, user))  # type: ignore[assignment]
        if language := getattr(request.user, "language", ""):
            translation.activate(
                language
            )  # LocaleMiddleware has begun with the browser's, and names this in the answer
        return get_response(request)

    return middleware


def signed_in(request: HttpRequest, user: object) -> object:
    """The user of a session, with its proof; nobody, where the sign-in it stands for has ended."""
    if not isinstance(user, User):
        return user
    prefetch_related_objects([user], "roles")  # every page asks what this person may, dozens of times
    row, now = sign_ins.of(request, user), timezone.now()
    if row is None or not sign_ins.holds(row, user, now):
        request.lapsed_user_id = user.pk if row else None  # type: ignore[attr-defined]
        return AnonymousUser()
    if request.path not in settings.SESSION_UNATTENDED_PATHS:
        sign_ins.seen(row, now)
    user.second_factor_at = row.second_factor_at
    user.sign_in_id = row.id
    return user
