"""What waits for a second person, and the one page on which that person sees the case and decides."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments.admin.base import render
from payments.admin.base.access import person, require_second_factor
from payments.admin.base.addresses import row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.forms import NoteField
from payments.admin.base.page import Fact, Page
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.finance import approval_pages
from payments.admin.finance.approval_summaries import summaries
from payments.admin.finance.approval_tabs import WAITING, ApprovalList, Turn, after
from payments.admin.sales.create_refund import voucher_code_message
from payments.core.errors import OnetillError
from payments.models import Channel, Merchant, Order
from payments.people.models import Approval
from payments.people.services import approvals

COLORS = {"approved": "success", "rejected": "danger", "withdrawn": "", None: "warning"}
KEPT_NOTE = "approval_note"  # session key: the note survives the trip to the second factor's page


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyModelAdmin):
    """Requests for a second person."""

    empty_text = gettext_lazy(
        "Nothing waits for a second person, and nothing ever did. What needs one appears here by itself."
    )
    list_display = ("what", "amount_of", "customer", "order", "why", "requester", "asked_at", "decision_label")
    more_columns = ("merchant_name", "decided_by", "decided_at")
    phone = ("what", "amount_of", "requester", "decision_label")
    list_filter = (Turn, ("decision", ChoicesDropdownFilter), ("action", ChoicesDropdownFilter))
    list_select_related = ("decided_by",)
    search_fields = ("=subject_id", "=id")
    page_template = "payments/admin/approval.html"
    change_list_template = "payments/admin/approvals.html"

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What waits longest comes first; of what is decided, the latest."""
        return ("requested_at", "pk") if request.GET.get("turn") in WAITING else ("-id",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return ApprovalList

    def complete(self, rows: list[Any]) -> None:
        """Give all rows of a page their requesters, merchants and what they are about, in one query each."""
        people = render.people(row.requested_by for row in rows)
        names = Merchant.objects.in_bulk({row.merchant_id for row in rows if row.merchant_id})
        about = summaries(rows)
        for row in rows:
            row.asker, row.merchant, row.summary = (
                people[row.requested_by],
                names.get(row.merchant_id),
                about[row.id],
            )

    @admin.display(description=gettext_lazy("what"), ordering="action")
    def what(self, row: Approval) -> str:
        return str(row.get_action_display())

    @admin.display(description=gettext_lazy("amount"))
    def amount_of(self, row: Any) -> str | SafeString:
        return render.money(row.summary.amount, row.summary.currency) if row.summary.amount is not None else ""

    @admin.display(description=gettext_lazy("customer"))
    def customer(self, row: Any) -> str:
        return str(row.summary.customer)

    @admin.display(description=gettext_lazy("about"))
    def order(self, row: Any) -> str | SafeString:
        """The order, or what is to be changed."""
        order: Order | None = row.summary.order
        about: str | SafeString = row.summary.about
        return render.link(order.id, order.reference) if order is not None else about

    @admin.display(description=gettext_lazy("reason"))
    def why(self, row: Any) -> str:
        return str(row.summary.reason)

    @admin.display(description=gettext_lazy("merchant"))
    def merchant_name(self, row: Any) -> str:
        return row.merchant.name if row.merchant else ""

    @admin.display(description=gettext_lazy("requested by"), ordering="requested_by")
    def requester(self, row: Any) -> str:
        return str(row.asker)

    @admin.display(description=gettext_lazy("requested at"), ordering="requested_at")
    def asked_at(self, row: Any) -> str:
        return render.short_moment(row.requested_at, _zone(row.merchant))

    @admin.display(description=gettext_lazy("decision"), ordering="decision")
    def decision_label(self, row: Approval) -> SafeString:
        return _decision_label(row)

    def get_urls(self) -> list[Any]:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        return [path("<str:approval_id>/decide/", decide, name="people_approval_decide"), *super().get_urls()]

    def page(self, request: HttpRequest, row: Approval) -> Page:
        """The case, its requester, and the decision."""
        case = approval_pages.case_of(row)
        merchant = Merchant.objects.filter(id=row.merchant_id).first()
        facts = [*_request_facts(row, merchant), *case.facts, *_decided(row, merchant)]
        return Page(
            title=f"{row.get_action_display()}: {case.what}",
            label=_decision_label(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=case.sections,
        )

    def page_context(self, request: HttpRequest, row: Approval) -> dict[str, Any]:
        """The form, for people who may decide; for others the reason why they may not; and the way to the next one."""
        following = after(row, person(request))
        if row.decision is not None:
            return following
        merchant = Merchant.objects.filter(id=row.merchant_id).first()
        refusal = approvals.refusal(row, person(request), alone_from=merchant.decides_alone_from if merchant else None)
        return {
            **following,
            "waits": True,
            "refusal": explain(refusal) if refusal is not None else "",
            "alone": person(request).id in row.behind,
            "note": request.session.pop(f"{KEPT_NOTE} {row.id}", ""),
        }

    def decide(self, request: HttpRequest, approval_id: str) -> HttpResponse:
        """Take the second person's word; without a second factor just proved, ask for that first and keep the note."""
        row = self.row(request, approval_id)
        page = row_url(self.model, row.pk)
        approved = request.POST.get("decision") == "approve"
        request.session[f"{KEPT_NOTE} {row.id}"] = request.POST.get("note", "")[:1000]
        if step_up := require_second_factor(request, back=page):
            return step_up
        try:
            note = NoteField(required=False).clean(request.POST.get("note", ""))
            code = approvals.settle(approval_id=row.pk, user=person(request), approved=approved, note=note)
        except ValidationError as fault:
            messages.error(request, " ".join(fault.messages))
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
        else:
            del request.session[f"{KEPT_NOTE} {row.id}"]
            done = _("Approved.") if approved else _("Rejected.")
            messages.success(request, f"{done} {voucher_code_message(code)}".rstrip())
        return redirect(page)


def _request_facts(row: Approval, merchant: Merchant | None) -> list[tuple[Any, Any]]:
    channel = Channel.objects.filter(id=row.channel_id).first() if row.channel_id else None
    return [
        (_("requested by"), approval_pages.requester(row.requested_by)),
        (_("requested at"), render.moment(row.requested_at, _zone(merchant))),
        (_("waits because"), approval_pages.limit_text(row, merchant.currency) if merchant else ""),
        (_("merchant"), merchant and merchant.name),
        (_("requested in channel"), channel and channel.name),
    ]


def _decided(row: Approval, merchant: Merchant | None) -> list[tuple[Any, Any]]:
    who = row.decided_by and (row.decided_by.get_full_name() or row.decided_by.get_username())
    return [
        (_("decided alone by") if row.alone else _("decided by"), who),
        (_("decided at"), row.decided_at and render.moment(row.decided_at, _zone(merchant))),
        (_("note"), row.note),
    ]


def _zone(merchant: Merchant | None) -> ZoneInfo:
    return merchant.zone if merchant is not None else ZoneInfo(timezone.get_current_timezone_name())


def _decision_label(row: Approval) -> SafeString:
    text = row.get_decision_display() if row.decision else _("waits")
    return render.label(f"{text} ({_('alone')})" if row.alone else text, COLORS[row.decision])
