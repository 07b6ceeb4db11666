"""Work of the background that failed: what, how often, with which error, and a button to try it again."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from payments.admin.base import render
from payments.admin.base.actions import AdminAction
from payments.admin.base.page import Fact, Page
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.models import WorkFailure
from payments.people.models import User
from payments.people.permissions import May
from payments.services.retry_work import retry_work

WORKS = {
    "payments.recover_operation": gettext_lazy("Find out what became of an operation"),
    "payments.apply_event": gettext_lazy("Apply a provider's event"),
    "payments.expire_payment": gettext_lazy("Expire a payment"),
    "payments.expire_voucher": gettext_lazy("Expire a voucher"),
    "payments.write_receipt": gettext_lazy("Write a receipt"),
    "payments.fold_statistics": gettext_lazy("Add to the statistics"),
    "terminals.apply_waiting": gettext_lazy("Apply what waits for its original"),
    "reconciliation.import_file": gettext_lazy("Import a file"),
    "reconciliation.rematch": gettext_lazy("Match an account's lines again"),
    "reconciliation.rematch_line": gettext_lazy("Match a settlement line again"),
    "reconciliation.find_payout": gettext_lazy("Find a payout among earlier bank lines"),
    "reconciliation.settle_doubt": gettext_lazy("Settle what was in doubt"),
    "reconciliation.raise_overdue": gettext_lazy("Report what is overdue"),
    "reconciliation.read_payout": gettext_lazy("Read a payout at the provider"),
    "reconciliation.look_for_payouts": gettext_lazy("Look for payouts at the provider"),
    "reconciliation.forget_file": gettext_lazy("Delete a file that nothing names"),
}


def _retry(*, user: User, row: WorkFailure, form: Any) -> str:
    retry_work(row, actor=user.id)
    return _("It is tried again within a minute.")


class OfWork(DropdownFilter):
    """Which kind of work: the kinds that there are."""

    parameter_name = "work"
    title = gettext_lazy("work")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(WORKS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(work=self.value()) if self.value() else queryset


@admin.register(WorkFailure)
class WorkFailureAdmin(ReadOnlyModelAdmin):
    """What failed and has not gone well since; what was set aside waits for a person."""

    empty_text = gettext_lazy("No work has failed. There is nothing to do here.")
    sees = May.SEE_BOOKS
    channel_path = None
    page_actions = (
        AdminAction(
            name="retry",
            title=gettext_lazy("Try again"),
            explanation=gettext_lazy("The work is done once more, with the same care: what went well is not repeated."),
            needs=May.RESOLVE,
            act=_retry,
            where=lambda row: (row.merchant_id, None),
        ),
    )
    list_display = ("what", "about", "status_label", "attempts", "error", "time")
    list_display_links = ("what",)
    list_filter = (OfWork, ("last_failed_at", DayRange))
    search_fields = ("=subject",)
    search_help_text = gettext_lazy("The id of what it is about")

    @admin.display(description=gettext_lazy("work"), ordering="work")
    def what(self, row: WorkFailure) -> str:
        return str(WORKS.get(row.work, row.work))

    @admin.display(description=gettext_lazy("about"))
    def about(self, row: WorkFailure) -> str | SafeString:
        return render.link(row.subject)

    @admin.display(description=gettext_lazy("status"))
    def status_label(self, row: WorkFailure) -> SafeString:
        if row.due_at is None:
            return render.label(_("set aside"), "danger")
        return render.label(_("tried again at %(time)s") % {"time": self._moment(row.due_at)}, "warning")

    @admin.display(description=gettext_lazy("failed last at"), ordering="last_failed_at")
    def time(self, row: WorkFailure) -> str:
        return self._moment(row.last_failed_at)

    def page(self, request: HttpRequest, row: WorkFailure) -> Page:
        """All there is to tell."""
        facts = [
            (_("about"), self.about(row)),
            (_("failures"), row.attempts),
            (_("last error"), row.error),
            (_("failed first at"), self._moment(row.first_failed_at)),
            (_("failed last at"), self._moment(row.last_failed_at)),
        ]
        return Page(
            title=self.what(row),
            label=self.status_label(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[],
        )

    def _moment(self, moment: Any) -> str:
        return render.short_moment(moment, timezone.get_current_timezone())
