"""The search: a page, and the same hits for the dialog that `/` and Ctrl-K open on every page."""

from typing import Final

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from payments.admin.base.access import can
from payments.admin.base.patience import TooMuchToReadError
from payments.admin.search.finder import Finder, Group, find
from payments.admin.search.terms import Terms, read
from payments.people.permissions import May

_IN_DIALOG: Final = "hits"
_DIRECT: Final = "open"  # a single hit is opened at once


def page(request: HttpRequest) -> HttpResponse:
    """What was found, in groups; what could not be read or looked for is said."""
    if not can(request, May.SEE):
        raise PermissionDenied
    terms = read(request.GET.get("q", ""))
    groups, faults = _found(request, terms)
    single = [hit for group in groups for hit in group.hits] if not faults else []
    if _DIRECT in request.GET and len(single) == 1:
        return redirect(single[0].url)
    shown = {"title": _("Search"), "terms": terms, "groups": groups, "faults": faults}
    if _IN_DIALOG in request.GET:
        return TemplateResponse(request, "payments/admin/search_hits.html", shown)
    return TemplateResponse(request, "payments/admin/search.html", {**admin.site.each_context(request), **shown})


def _found(request: HttpRequest, terms: Terms) -> tuple[list[Group], list[str]]:
    faults = list(terms.faults)
    if not terms.text or (faults and not terms.name):
        return [], faults
    try:
        return find(request, terms, _finders()), faults
    except TooMuchToReadError:
        return [], [*faults, _("Looking for a part of a name takes too long here. Type the whole number or reference.")]


def _finders() -> tuple[Finder, ...]:
    """What every floor lets the search look for."""
    return tuple(finder for path in settings.SEARCHES for finder in import_string(path))
