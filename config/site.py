"""The admin site: its first page, and what browsers may load on its pages."""

import functools
from collections.abc import Callable
from typing import Any, Final, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from payments.people import kept_forms
from payments.people.models import User

# Everything is our own and nothing stands in the page, but what unfold cannot do without: its theme's colors in a
# <style>, and Alpine.js, which evaluates the expressions in its attributes.
POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    f"connect-src 'self' {settings.STREAM_URL}; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


class Site(UnfoldAdminSite):
    """Unfold's admin with Onetill's overview as its first page."""

    index_template = "payments/admin/index.html"
    index_title = _("Overview")

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the request's user is an active one with a role, or a superuser."""
        user = request.user
        return isinstance(user, User) and user.is_active and (user.is_superuser or bool(user.roles.all()))

    def admin_view(self, view: Callable[..., HttpResponseBase], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Require sign-in; a form posted after the session ended is stored, to be sent after the next sign-in."""
        inner = super().admin_view(view, cacheable)

        @functools.wraps(inner)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            # A form written for a quarter of an hour is not lost with the session.
            if not self.has_permission(request):
                kept_forms.keep(request, getattr(request, "lapsed_user_id", None))
            return cast(HttpResponse, inner(request, *args, **kwargs))

        return checked

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return every page's context, with the user's merchants where no second person is needed."""
        from payments.admin.base import navigation  # noqa: PLC0415
        from payments.admin.base.access import deciding_alone  # noqa: PLC0415

        known = {**super().each_context(request), "deciding_alone": deciding_alone(request)}
        if self.has_permission(request):
            known["environment"] = navigation.environment(request)
        return known

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the sidebar's groups: only what the person may open, with what waits there."""
        from payments.admin.base import navigation  # noqa: PLC0415

        return navigation.shown(request, super().get_sidebar_list(request))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Return the models by app; all of them are listed once a template reads them, which no page of ours does."""
        listed = functools.partial(super().get_app_list, request, app_label)
        return listed() if app_label is not None else cast(list[dict[str, Any]], SimpleLazyObject(listed))

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Search everything; unfold's own search knows names of lists, and keeps its answers for minutes."""
        from payments.admin.search import page  # noqa: PLC0415

        return page.page(request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The overview; its package is imported late, since it registers its pages with this site."""
        from payments.admin.finance import dashboard  # noqa: PLC0415

        page: TemplateResponse = super().index(request, {**(extra_context or {}), **dashboard.context(request)})
        return page


def pages(get_response: Any) -> Any:
    """Middleware of the admin's pages: their user's time zone, and a Content-Security-Policy."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/admin/"):
            return cast(HttpResponseBase, get_response(request))
        from payments.admin.base.access import zone  # noqa: PLC0415 (it comes with the pages)
        from payments.admin.base.links import answering, settle_links  # noqa: PLC0415

        with timezone.override(zone(request)), answering(request):
            response = cast(HttpResponseBase, get_response(request))
            settle_links(request, response)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware
