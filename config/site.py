"""The admin site: its first page, and what browsers may load on its pages."""

import functools
from collections.abc import Callable
from typing import Any, Final, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from payments.people import kept_forms
from payments.people.models import User

# Everything is our own and nothing stands in the page, but what unfold cannot do without: its theme's colors in a
# <style>, and Alpine.js, which evaluates the expressions in its attributes.
POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Site(UnfoldAdminSite):
    """Unfold's admin with Onetill's overview as its first page."""

    index_template = "payments/admin/index.html"
    index_title = _("Overview")

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether somebody is signed in who has a role, or may do everything."""
        user = request.user
        return isinstance(user, User) and user.is_active and (user.is_superuser or bool(user.roles.all()))

    def admin_view(self, view: Callable[..., HttpResponseBase], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Only for who is signed in; what somebody sends whose session has just ended is kept for them."""
        inner = super().admin_view(view, cacheable)

        @functools.wraps(inner)
        def kept(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not self.has_permission(request):
                kept_forms.keep(request, getattr(request, "lapsed_user_id", None))
            return cast(HttpResponse, inner(request, *args, **kwargs))

        return kept

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page knows, with the merchants of this person at which nobody else has to agree."""
        from payments.admin.base.access import deciding_alone  # noqa: PLC0415

        return {**super().each_context(request), "deciding_alone": deciding_alone(request)}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The overview; its package is imported late, since it registers its pages with this site."""
        from payments.admin.finance import dashboard  # noqa: PLC0415

        page: TemplateResponse = super().index(request, {**(extra_context or {}), **dashboard.context(request)})
        return page


def pages(get_response: Any) -> Any:
    """Middleware of the admin's pages: shown by their reader's clock, and saying what they may load."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/admin/"):
            return cast(HttpResponseBase, get_response(request))
        from payments.admin.base.access import answering, zone  # noqa: PLC0415 (it comes with the pages)

        with timezone.override(zone(request)), answering(request):
            response = cast(HttpResponseBase, get_response(request))
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware
