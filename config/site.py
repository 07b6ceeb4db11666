"""The admin site: its first page, and what browsers may load on its pages."""

from typing import Any, Final, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

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

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The overview; its package is imported late, since it registers its pages with this site."""
        from payments.admin import dashboard  # noqa: PLC0415

        page: TemplateResponse = super().index(request, {**(extra_context or {}), **dashboard.context(request)})
        return page


def pages(get_response: Any) -> Any:
    """Middleware of the admin's pages: shown by their reader's clock, and saying what they may load."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/admin/"):
            return cast(HttpResponseBase, get_response(request))
        from payments.admin.access import zone  # noqa: PLC0415 (it comes with the pages)

        with timezone.override(zone(request)):
            response = cast(HttpResponseBase, get_response(request))
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware
