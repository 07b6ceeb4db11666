"""Pages that show people what their roles let them see, and change nothing by themselves."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from payments.admin.base.addresses import SORT, kept, row_url
from payments.admin.base.links import current_request
from payments.admin.lists import columns
from payments.admin.lists.chips import Chip, chips
from payments.admin.lists.table import Head, heads, rows
from payments.core.ids import PATTERN
from payments.models import Merchant
from payments.people.models import Role, User
from payments.people.permissions import GRANTS, May, may_somewhere, within
from payments.people.services.approvals import has_recent_second_factor


def person(request: HttpRequest) -> User:
    """Who is signed in, with the proof of this session (`payments.people.middleware`)."""
    user = request.user
    assert isinstance(user, User), "the admin lets nobody in who is not signed in"
    return user


def require_second_factor(request: HttpRequest, *, back: str | None = None) -> HttpResponse | None:
    """The way to the page that takes a second factor, unless one was just proved; it leads back here afterwards."""
    if has_recent_second_factor(person(request)):
        return None
    messages.warning(request, _("Confirm with your second factor that it is you, then continue."))
    return redirect(f"{reverse('second_factor')}?{urlencode({'next': back or request.path})}")


class ScopedList(ChangeList):
    """A list that refuses what it cannot read of its address: it is empty then, and says why in `faults`."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        self.sorted_by = request.GET.get(SORT, "")
        self.faults: list[str] = []
        super().__init__(request, *args, **kwargs)

    def get_filters_params(self, params: Any = None) -> Any:
        left = super().get_filters_params(params)
        left.pop(SORT, None)
        return left

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """By the column that was asked for by its name: numbers of columns differ from person to person."""
        name = self.sorted_by.removeprefix("-")
        if not name:
            return list(super().get_ordering(request, queryset))
        by = self.get_ordering_field(name) if name in self.list_display else None
        if by is None:
            self.faults.append(_("This list cannot be sorted by “%(name)s”.") % {"name": self.sorted_by})
            return ["pk"]
        names = self.model_admin.sorted_with.get(by, (by,))
        minus = "-" if self.sorted_by.startswith("-") else ""
        return list(self._get_deterministic_ordering([f"{minus}{one}" for one in names]))

    def get_filters(self, request: HttpRequest) -> Any:
        """Django's own, but what no filter of the page reads becomes a fault in place of a lookup."""
        given = dict(self.get_filters_params())
        specs, has_filters, left, duplicates, active = super().get_filters(request)
        names = {name for spec in specs for name in spec.expected_parameters()} | set(self.model_admin.linked_filters)
        self.faults += [
            *(_("This list has no filter “%(name)s”.") % {"name": name} for name in given if name not in names),
            *(_("The filter “%(name)s” is given twice.") % {"name": name} for name in given if len(given[name]) > 1),
            *([_("This list has no filter “%(name)s”.") % {"name": ORDER_VAR}] if ORDER_VAR in request.GET else []),
        ]
        known = {name: value for name, value in left.items() if name in names}
        return specs, has_filters, known, duplicates, bool(active or given)

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """The requested rows; none where a parameter cannot be read."""
        try:
            found: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        except IncorrectLookupParameters:
            found = self.root_queryset
        if not self.search_form_class(request.GET).is_valid():
            self.faults.append(_("The text to search for has a character that cannot be searched for."))
        self.faults += [fault for spec in self.filter_specs for fault in self._faults_at(spec)]
        return found.none() if self.faults else found

    def get_results(self, request: HttpRequest) -> None:
        """A page; beyond the last one, the last one."""
        page: int = self.page_num  # type: ignore[has-type]
        if page > 1:
            page = min(page, self.model_admin.get_paginator(request, self.queryset, self.list_per_page).num_pages)
        self.page_num = max(1, page)
        super().get_results(request)

    def completed(self, rows: list[Any]) -> list[Any]:
        """Rows with what their own table does not hold."""
        return rows

    @property
    def chips(self) -> list[Chip]:
        """The filters."""
        return chips(self)

    @property
    def heads(self) -> Iterator[Head]:
        """The columns' heads."""
        return heads(self)

    @property
    def rows(self) -> Iterator[list[SafeString]]:
        """The rows' cells."""
        return rows(self)

    @property
    def beside_search(self) -> list[tuple[str, str]]:
        """The parameters that a search keeps."""
        return kept(self.request.GET, [SEARCH_VAR])

    def url_for_result(self, result: Any) -> str:
        """The row's page by its id as it is, as all our links have it; Django's would quote the underscore."""
        return row_url(self.model, result.pk)

    def _faults_at(self, spec: Any) -> list[str]:
        """What a filter's form says against what was given to it."""
        shown: dict[str, Any] = next(iter(spec.choices(self)), {})
        found = shown["form"].errors.values() if "form" in shown else ()
        return [f"{capfirst(spec.title)}: {fault}" for faults in found for fault in faults]


def plain_id(object_id: str) -> str:
    """The id in an address: as it is, or as Django quotes it, which bookmarks of earlier versions still have."""
    return object_id if PATTERN.fullmatch(object_id) else unquote(object_id)


class OwnRequest:
    """unfold keeps the request of a list on the admin itself, which serves all at once: here each keeps its own."""

    @property
    def request(self) -> HttpRequest:
        """The request that this thread answers."""
        request = current_request.get()
        if request is None:
            raise AttributeError("request")
        return request

    @request.setter
    def request(self, request: HttpRequest) -> None:
        current_request.set(request)


class ScopedAdmin(OwnRequest, ModelAdmin):
    """Rows of the merchants and channels in which the person may do `sees`; nothing is added, changed or deleted here.

    `merchant_path` and `channel_path` say where a row keeps them (None: it has no channel); `linked_filters` are
    parameters by which other pages lead here and no filter of the page asks for. `empty_text` tells whose list is empty
    how rows come into it.
    """

    empty_text: ClassVar[str | Promise] = ""
    # What is sorted by one column, sorted by several: in the order of an index.
    sorted_with: ClassVar[Mapping[str, Sequence[str]]] = {}
    more_columns: ClassVar[Sequence[str]] = ()  # which may be chosen beside those of `list_display`
    # Which columns a telephone shows: the top line's two, then the bottom line's two.
    phone: ClassVar[Sequence[str]] = ()

    sees: ClassVar[May] = May.SEE
    merchant_path: ClassVar[str] = "merchant_id"
    channel_path: ClassVar[str | None] = "channel_id"
    linked_filters: ClassVar[Sequence[str]] = ()
    list_filter_submit = True
    show_facets = ShowFacets.NEVER  # a count for each choice of each filter: a walk through all rows for each
    change_list_template = "payments/admin/list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """What this person may see."""
        reach = within(person(request), self.sees, merchant=self.merchant_path, channel=self.channel_path)
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(reach)

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """The columns that the reader has chosen."""
        return columns.chosen(request, self.model._meta.label_lower, self.list_display, self.more_columns)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return ScopedList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Whatever it is: `ScopedList` looks nothing up by what the page does not declare, and says so."""
        return True

    def has_module_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and may_somewhere(request.user, self.sees)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def zone(request: HttpRequest) -> ZoneInfo | None:
    """The clock that all of a person's merchants live by; none where they live by several."""
    if not isinstance(request.user, User):
        return None
    # Two zones are enough to know that there is no common one.
    zones = list(merchants(request.user).order_by().values_list("timezone", flat=True).distinct()[:2])
    return ZoneInfo(zones[0]) if len(zones) == 1 else None


def can(request: HttpRequest, what: May) -> bool:
    """Tell whether the person may do this at any merchant."""
    return isinstance(request.user, User) and may_somewhere(request.user, what)


def merchants(user: User, what: May = May.SEE) -> QuerySet[Merchant]:
    """The merchants at which, or in a channel of which, a person may do this."""
    if user.is_active and user.is_superuser:
        return Merchant.objects.all()
    held = user.roles.all() if user.is_active else ()
    return Merchant.objects.filter(id__in={role.merchant_id for role in held if what in GRANTS[Role.Name(role.role)]})


def own_merchants(request: HttpRequest, what: May) -> list[Merchant]:
    """The same by name, asked once for each request: several parts of a page offer them."""
    kept: dict[May, list[Merchant]] = request.__dict__.setdefault("_own_merchants", {})
    if what not in kept:
        kept[what] = list(merchants(person(request), what).order_by("name"))
    return kept[what]


def whole_merchants(user: User, what: May) -> QuerySet[Merchant]:
    """The merchants at which a person may do this everywhere; who may in one channel alone is at none of them."""
    return Merchant.objects.filter(within(user, what, merchant="id", channel=None))


def deciding_alone(request: HttpRequest) -> list[Merchant]:
    """The person's merchants that let one person decide where there is no other."""
    user = request.user
    return list(merchants(user).exclude(decides_alone_from=None).order_by("name")) if isinstance(user, User) else []
