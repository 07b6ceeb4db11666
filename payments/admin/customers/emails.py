"""E-mails: what was written to whom, and whether a server took it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments import mail
from payments.admin.base import render
from payments.admin.base.actions import AdminAction
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.models import Merchant
from payments.notify.models import Mail
from payments.people.models import User
from payments.people.permissions import May


def _again(*, user: User, row: Mail, form: Any) -> str:
    mail.send_again(row)
    return _("The e-mail is sent again.")


@admin.register(Mail)
class MailAdmin(ReadOnlyModelAdmin):
    """Every letter of the last ninety days."""

    empty_text = gettext_lazy("Nothing was mailed yet. Receipts, payment links and vouchers that are sent stand here.")
    page_actions = (
        AdminAction(
            name="again",
            title=gettext_lazy("Send again"),
            explanation=gettext_lazy("The same e-mail is sent to the same address again."),
            needs=May.SEND_MAIL,
            act=_again,
            possible=lambda row: row.status != Mail.Status.PENDING,
        ),
    )
    list_display = ("time", "to", "subject", "state", "about", "attempts")
    list_display_links = ("time", "subject")
    list_filter = (("status", ChoicesDropdownFilter), ("created_at", DayRange))
    search_fields = ("=id", "=object_id", "=to", "subject")
    search_help_text = gettext_lazy("E-mail address or subject")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        """Letters of merchants; what is written to people about their accounts is theirs alone."""
        rows: QuerySet[Mail] = super().get_queryset(request)
        return rows.filter(merchant_id__isnull=False)

    @admin.display(description=gettext_lazy("time"), ordering="id")
    def time(self, row: Mail) -> str:
        return render.short_moment(row.created_at, timezone.get_current_timezone())

    @admin.display(description=gettext_lazy("status"))
    def state(self, row: Mail) -> SafeString:
        return render.status(row.status)

    @admin.display(description=gettext_lazy("about"))
    def about(self, row: Mail) -> str | SafeString:
        return render.link(row.object_id)

    def page(self, request: HttpRequest, row: Mail) -> Page:
        """The letter as it was written."""
        zone = Merchant.objects.get(id=row.merchant_id).zone
        facts = [
            (pgettext("mail", "from"), row.sender),
            (pgettext("mail", "to"), row.to),
            (_("about"), render.link(row.object_id)),
            (_("attachment"), row.attachment_name),
            (_("written at"), render.moment(row.created_at, zone)),
            (_("sent at"), row.sent_at and render.moment(row.sent_at, zone)),
            (_("attempts"), row.attempts),
            (_("next attempt at"), row.next_attempt_at and render.moment(row.next_attempt_at, zone)),
            (_("failure"), row.failure),
            ("id", row.id),
        ]
        text = format_html('<pre class="ot-letter">{}</pre>', row.text)
        return Page(
            title=row.subject,
            label=render.status(row.status),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[Section(id="text", title=_("Text"), columns=[_("as it was sent")], rows=[[text]])],
        )
