"""Provider events: the webhooks of providers, kept as they came."""

import json

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments.admin.base import render
from payments.admin.base.filters import OwnRelated
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.pan import mask_tree
from payments.models import ProviderEvent
from payments.people.permissions import May


@admin.register(ProviderEvent)
class ProviderEventAdmin(ReadOnlyModelAdmin):
    """Every webhook that came in, whether it was applied or not."""

    empty_text = gettext_lazy(
        "No provider has sent a message yet. Enter the account's webhook address at the provider."
    )
    sees = May.SEE_BOOKS
    channel_path = None
    list_display = ("time", "account", "event_id", "status_label", "deliveries", "applied", "detail_text")
    list_display_links = ("time",)
    list_select_related = ("merchant", "provider_account")
    list_filter = (("status", ChoicesDropdownFilter), ("provider_account", OwnRelated))
    search_fields = ("=id", "=event_id")

    @admin.display(description=gettext_lazy("received at"), ordering="id")
    def time(self, row: ProviderEvent) -> str:
        return render.short_moment(row.created_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("provider account"))
    def account(self, row: ProviderEvent) -> str:
        return row.provider_account.name

    @admin.display(description=gettext_lazy("status"))
    def status_label(self, row: ProviderEvent) -> SafeString:
        return render.label(row.get_status_display(), render.COLORS.get(row.status, ""))

    @admin.display(description=gettext_lazy("applied at"))
    def applied(self, row: ProviderEvent) -> str:
        return render.moment(row.applied_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("detail"))
    def detail_text(self, row: ProviderEvent) -> str:
        return _(row.detail) if row.detail else ""

    def page(self, request: HttpRequest, row: ProviderEvent) -> Page:
        """The event as it came, card numbers masked."""
        facts = [
            (_("provider account"), render.link(row.provider_account_id, row.provider_account.name)),
            (_("event id at the provider"), row.event_id),
            (_("received at"), render.moment(row.created_at, row.merchant.zone)),
            (_("applied at"), row.applied_at and render.moment(row.applied_at, row.merchant.zone)),
            (_("deliveries"), row.deliveries),
            (_("detail"), self.detail_text(row)),
            ("id", row.id),
        ]
        return Page(
            title=_("Provider event %(name)s") % {"name": row.event_id},
            label=self.status_label(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[
                Section(id="body", title=_("As it came"), columns=[_("body")], rows=[[_readable(bytes(row.body))]])
            ],
        )


def _readable(body: bytes) -> SafeString:
    try:
        text = json.dumps(mask_tree(json.loads(body))[0], indent=2, ensure_ascii=False)
    except ValueError:
        text = str(mask_tree(body.decode("utf-8", "replace"))[0])
    return format_html("<pre>{}</pre>", text)
