"""Who acts in the admin: when they last proved a second factor, and which language they read."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from payments.people.models import User

SESSION_KEY = "second_factor_at"

GetResponse = Callable[[HttpRequest], HttpResponse]


def person(get_response: GetResponse) -> GetResponse:
    """Tell the signed-in person's second factor, and speak their language; without a session nothing is asked."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return get_response(request)
        user = request.user
        request.user = SimpleLazyObject(lambda: _proved(request, user))  # type: ignore[assignment]
        if language := getattr(user, "language", ""):
            translation.activate(
                language
            )  # LocaleMiddleware has begun with the browser's, and names this in the answer
        return get_response(request)

    return middleware


def _proved(request: HttpRequest, user: object) -> object:
    """The user, with the proof of this session: it counts only while the device it was made with is still theirs."""
    at = request.session.get(SESSION_KEY)
    if isinstance(user, User):
        prefetch_related_objects([user], "roles")  # every page asks what this person may, dozens of times
    if isinstance(user, User) and at and user.is_verified():  # type: ignore[attr-defined]
        user.second_factor_at = datetime.fromisoformat(at)
    return user
