"""The pages behind a list: totals, columns, views and files. All go by the list's name, and by its rights."""

from typing import Any, Final

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from payments.admin.base.access import merchants, person
from payments.admin.base.addresses import list_tool_url, list_url
from payments.admin.base.patience import TooMuchToReadError, patience
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.lists import columns as chosen_columns
from payments.admin.lists import files, saved_views
from payments.people.models import ListFile

_CHECKBOX: Final = "action_checkbox"


def pages_of(request: HttpRequest, page: str) -> ReadOnlyModelAdmin:
    """The pages of a list by its name, as `payments.payment`, where the reader may see them."""
    try:
        pages: Any = admin.site.get_model_admin(apps.get_model(page))
    except (LookupError, ValueError, NotRegistered):
        raise Http404 from None
    if not isinstance(pages, ReadOnlyModelAdmin) or not pages.has_view_permission(request):
        raise PermissionDenied
    return pages


@require_safe
def totals(request: HttpRequest, page: str) -> HttpResponse:
    """What very many rows add up to, while there is patience for it."""
    try:
        with patience():
            cl = pages_of(request, page).get_changelist_instance(request)
            found = [] if cl.faults else cl.totals
    except TooMuchToReadError:
        return TemplateResponse(request, "payments/admin/totals.html", {"too_many": True})
    return TemplateResponse(request, "payments/admin/totals.html", {"totals": found, "cl": cl})


@require_POST
def columns(request: HttpRequest, page: str) -> HttpResponse:
    """Keep which columns the reader wants to look at; none but the list's own, by its button."""
    pages = pages_of(request, page)
    names = pages.list_display if "usual" in request.POST else request.POST.getlist("column")
    every = [*pages.list_display, *pages.more_columns]
    if not set(names) <= set(every):
        raise Http404
    chosen_columns.choose(person(request), page, names, pages.list_display, pages.more_columns)
    return redirect(_back(request, pages))


@never_cache
@require_safe
def views(request: HttpRequest, page: str) -> HttpResponse:
    """The saved views of a list, each with how many rows it has."""
    pages = pages_of(request, page)
    shown = {"views": saved_views.views(request, pages, counted=True), "page_name": page}
    return TemplateResponse(request, "payments/admin/list_views.html", shown)


@require_POST
def save_view(request: HttpRequest, page: str) -> HttpResponse:
    """Keep the filters that the reader sees under a name."""
    pages = pages_of(request, page)
    given = {name: request.POST.get(name, "") for name in ("name", "merchant_id")}
    try:
        saved = saved_views.save(request, pages, query=request.GET.urlencode(), **given)
    except ValidationError as fault:
        messages.error(request, " ".join(fault.messages))
    else:
        messages.success(request, _("The view “%(name)s” is kept.") % {"name": saved.name})
    return redirect(_back(request, pages))


@require_POST
def remove_view(request: HttpRequest, page: str, view_id: str) -> HttpResponse:
    """Forget one of the reader's views."""
    pages = pages_of(request, page)
    if not saved_views.remove(request, pages, view_id):
        raise Http404
    messages.success(request, _("The view is removed."))
    return redirect(list_url(pages.model))


@require_POST
def file(request: HttpRequest, page: str) -> HttpResponse:
    """The rows of the list as a file: at once, or by a worker where they are many."""
    pages = pages_of(request, page)
    form = request.POST.get("format", "")
    if form not in ListFile.Format.values:
        raise Http404
    cl = pages.get_changelist_instance(request)
    if cl.faults:
        messages.error(request, _("There is no file, because a filter cannot be read."))
        return redirect(_back(request, pages))
    names = [name for name in cl.list_display if name != _CHECKBOX]
    if not files.is_small(cl):
        query = request.GET.urlencode()
        row = files.request_file(request, pages, form=form, query=query, columns=names)
        return redirect(list_tool_url("list_file_page", pages.model, file_id=row.id))
    answer = HttpResponse(files.content(request, cl, form, names), content_type=files.MEDIA[ListFile.Format(form)])
    answer["Content-Disposition"] = f'attachment; filename="{_file_name(request, pages, form)}"'
    return answer


@never_cache
@require_safe
def file_page(request: HttpRequest, page: str, file_id: str) -> HttpResponse:
    """A file that is being written: how far it is, until it can be fetched."""
    pages, row = pages_of(request, page), _own(request, page, file_id)
    shown = {
        **admin.site.each_context(request),
        "title": _("File of %(list)s") % {"list": pages.model._meta.verbose_name_plural},
        "back": f"{list_url(pages.model)}?{row.query}",
        "list_title": capfirst(str(pages.model._meta.verbose_name_plural)),
        **_state(row),
    }
    return TemplateResponse(request, "payments/admin/list_file.html", shown)


@never_cache
@require_safe
def file_state(request: HttpRequest, page: str, file_id: str) -> HttpResponse:
    """How far a file is, asked again until it is done."""
    pages_of(request, page)
    return TemplateResponse(request, "payments/admin/list_file_state.html", _state(_own(request, page, file_id)))


@never_cache
@require_safe
def download(request: HttpRequest, page: str, file_id: str) -> HttpResponse | FileResponse:
    """The written file, to the one who asked for it."""
    pages, row = pages_of(request, page), _own(request, page, file_id)
    if row.status != ListFile.Status.READY:
        raise Http404
    name = _file_name(request, pages, row.format)
    media = files.MEDIA[ListFile.Format(row.format)]
    return FileResponse(row.file.open("rb"), as_attachment=True, filename=name, content_type=media)


def _own(request: HttpRequest, page: str, file_id: str) -> ListFile:
    row = ListFile.objects.filter(user=person(request), page=page, id=file_id).first()
    if row is None:
        raise Http404
    return row


def _state(row: ListFile) -> dict[str, Any]:
    percent = min(99, row.written * 100 // row.rows) if row.rows else 0
    return {
        "row": row,
        "percent": percent,
        "state_url": _of_file("list_file_state", row),
        "download_url": _of_file("list_download", row),
    }


def _of_file(name: str, row: ListFile) -> str:
    return list_tool_url(name, apps.get_model(row.page), file_id=row.id)


def _file_name(request: HttpRequest, pages: ReadOnlyModelAdmin, form: str) -> str:
    """As `payments-2026-11-30.csv`, by the clock of the reader's merchant."""
    own = merchants(person(request), pages.sees).order_by("id").first()
    day = own.business_day(timezone.now()) if own is not None else timezone.localdate()
    return f"{pages.model._meta.model_name}s-{day.isoformat()}.{form}"


def _back(request: HttpRequest, pages: ReadOnlyModelAdmin) -> str:
    """The list as it was."""
    given: QueryDict = request.GET
    return list_url(pages.model) + (f"?{given.urlencode()}" if given else "")
