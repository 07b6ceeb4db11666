"""Pages about one object: what is so and what happened, nothing to fill in, and buttons for what may be done."""

from collections.abc import Sequence
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.base import actions
from payments.admin.base.access import ScopedAdmin, ScopedList, own_merchants, person, plain_id
from payments.admin.base.actions import AdminAction
from payments.admin.base.addresses import list_tool_url, list_url
from payments.admin.base.navigation import environment
from payments.admin.base.page import Page
from payments.admin.lists import columns
from payments.admin.lists.totals import Total, Totals, totals
from payments.models import Channel, Merchant
from payments.people.permissions import may
from payments.text.formatting import NOTHING

COUNTED = 10_000


class CappedPaginator(Paginator[Any]):
    """Counts as far as anybody turns pages: a list of millions is narrowed by filters, not leafed through."""

    template_name = "payments/admin/pagination.html"

    @cached_property
    def capped_count(self) -> int:
        """One more than `COUNTED` where there are more."""
        rows: Any = self.object_list
        return int(rows.order_by()[: COUNTED + 1].count())

    @cached_property
    def count(self) -> int:
        return min(COUNTED, self.capped_count)

    @property
    def more(self) -> bool:
        """Whether there are more than were counted."""
        return self.capped_count > COUNTED


class ReadOnlyChangeList(ScopedList):
    """A list with its totals; it says how many rows there are in all only where it is narrowed down."""

    @property
    def adds_up(self) -> bool:
        """Whether the totals stand on the page at once; those of very many rows follow it."""
        return not self.faults and not self.paginator.more

    @cached_property
    def totals(self) -> list[Totals]:
        """By currency; none of a list that has no amounts."""
        return totals(self.queryset, self.model_admin.totals) if self.model_admin.totals else []

    @property
    def tools(self) -> dict[str, str]:
        """The addresses of what stands beside the rows (`payments.admin.lists.pages`)."""
        asked = ("totals", "views", "save_view", "columns", "file")
        return {name: list_tool_url(f"list_{name}", self.model, self.request.GET) for name in asked}

    @property
    def sharing_with(self) -> list[Merchant]:
        """With whose people a view may be shared."""
        user, what = person(self.request), self.model_admin.sees
        own = own_merchants(self.request, what)
        return [row for row in own if may(user, what, merchant_id=row.id, channel_id=None)][:20]

    @property
    def column_choices(self) -> list[columns.Choice]:
        """Which columns may be looked at."""
        return columns.choices(self)

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count


class ReadOnlyModelAdmin(ScopedAdmin):
    """A list, and a page for each row. Subclasses say what the page tells (`page`) and offers (`page_actions`)."""

    page_actions: ClassVar[Sequence[AdminAction]] = ()
    ordering: Sequence[str] = ("-id",)
    list_per_page = 50
    list_max_show_all = 0
    list_fullwidth = True
    list_disable_select_all = True
    actions: Any = None
    paginator = CappedPaginator
    show_full_result_count = False
    page_template: ClassVar[str] = "payments/admin/page.html"
    totals: ClassVar[Sequence[Total]] = ()  # what a list adds up, of rows that have a `currency`

    @classmethod
    def offer(cls, action: AdminAction) -> None:
        """Add a button from a floor above, while the apps' pages are registered."""
        cls.page_actions = (*cls.page_actions, action)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return ReadOnlyChangeList

    def page(self, request: HttpRequest, row: Any) -> Page:
        """What there is to tell about the row, with a number of queries that does not grow with its story."""
        raise NotImplementedError

    def get_urls(self) -> list[Any]:
        meta = self.model._meta
        made = [
            path(
                f"<str:object_id>/{action.name}/",
                self.admin_site.admin_view(actions.view(self, action)),
                name=f"{meta.app_label}_{meta.model_name}_{action.name}",
            )
            for action in self.page_actions
        ]
        return [*made, *super().get_urls()]

    def row(self, request: HttpRequest, object_id: str) -> Any:
        """The row, if this person may see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, plain_id(object_id))
        if row is None:
            raise Http404
        return row

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page; it holds no form, so that nothing can be changed by it."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        row = self.row(request, object_id)
        page = self.page(request, row)
        return TemplateResponse(
            request,
            self.page_template,
            {
                **self.admin_site.each_context(request),
                "environment": environment(request, row),
                "opts": self.model._meta,
                "title": page.title,
                "page": page,
                "list_url": self.list_url(request),
                "list_title": capfirst(str(self.model._meta.verbose_name_plural)),
                "page_actions": [action for action in self.page_actions if action.offered(person(request), row)],
                "object_id": row.pk,
                "row": row,
                **self.page_context(request, row),
            },
        )

    def list_url(self, request: HttpRequest) -> str:
        """The list that the reader comes from, as it was filtered."""
        filters = request.GET.get("_changelist_filters", "")
        return list_url(self.model) + (f"?{filters}" if filters else "")

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What a `page_template` of its own needs beside the page."""
        return {}

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refuse Django's history page: an object's own page shows its history."""
        raise Http404(_("There is no such page."))


class MessageChangeList(ReadOnlyChangeList):
    """The rows of one page, completed all at once with what their own table does not hold."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = self.completed(list(self.result_list))  # type: ignore[has-type]

    def completed(self, rows: list[Any]) -> list[Any]:
        self.model_admin.complete(rows)
        return rows


class ByIdAdmin(ReadOnlyModelAdmin):
    """Rows of tables below merchants and channels, which know them by their ids only."""

    merchant_of: ClassVar[str] = "merchant_id"
    channel_of: ClassVar[str] = "channel_id"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return MessageChangeList

    def row(self, request: HttpRequest, object_id: str) -> Any:
        row = super().row(request, object_id)
        self.complete([row])
        return row

    def complete(self, rows: list[Any]) -> None:
        """Give each row its merchant and channel; none where it has none."""
        whose = [(row, getattr(row, self.merchant_of, None), getattr(row, self.channel_of, None)) for row in rows]
        merchants = Merchant.objects.in_bulk({merchant for _, merchant, _ in whose if merchant})
        channels = Channel.objects.in_bulk({channel for _, _, channel in whose if channel})
        for row, merchant, channel in whose:
            row.merchant, row.channel = merchants.get(merchant), channels.get(channel)

    @admin.display(description=gettext_lazy("merchant"))
    def whose(self, row: Any) -> str:
        return row.merchant.name if row.merchant is not None else NOTHING

    @admin.display(description=gettext_lazy("channel"))
    def where(self, row: Any) -> str:
        return row.channel.name if row.channel is not None else NOTHING


def clock(row: Any) -> ZoneInfo:
    """The zone of a row's merchant; of what concerns no merchant, the reader's."""
    return row.merchant.zone if row.merchant is not None else ZoneInfo(timezone.get_current_timezone_name())
