"""What waits for a second person, and the one page on which that person decides."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments.admin.access import ScopedAdmin, person
from payments.admin.refusals import explain
from payments.errors import OnetillError
from payments.people.models import Approval
from payments.people.services import approvals


@admin.register(Approval)
class ApprovalAdmin(ScopedAdmin):
    """Requests for a second person."""

    list_display = ("__str__", "merchant_id", "channel_id", "requested_by", "requested_at", "decision", "decided_by")
    list_filter = (("decision", ChoicesDropdownFilter), ("action", ChoicesDropdownFilter))
    list_select_related = ("decided_by",)
    search_fields = ("subject_id__exact", "id__exact")
    ordering = ("-id",)
    change_form_outer_before_template = "payments/decide.html"

    def get_urls(self) -> list[Any]:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        return [path("<str:approval_id>/decide/", decide, name="people_approval_decide"), *super().get_urls()]

    def decide(self, request: HttpRequest, approval_id: str) -> HttpResponse:
        """Take the second person's word; without a second factor just proved, ask for that first."""
        row = get_object_or_404(self.get_queryset(request), pk=approval_id)
        page = reverse("admin:people_approval_change", args=[row.pk])
        approved = request.POST.get("decision") == "approve"
        try:
            approvals.settle(
                approval_id=row.pk, user=person(request), approved=approved, note=request.POST.get("note", "")[:1000]
            )
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
            if refusal.code == "second_factor_required":
                return redirect(f"{reverse('second_factor')}?{urlencode({'next': page})}")
        else:
            messages.success(request, _("Approved.") if approved else _("Rejected."))
        return redirect(page)
