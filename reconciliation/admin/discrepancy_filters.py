"""Ways to narrow discrepancies down: whose work, how urgent, how late, where."""

from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from payments.admin.base.access import merchants, person
from payments.models import Channel
from payments.people.models import Role, User
from payments.people.permissions import May, within
from reconciliation.services.severity import Severity, of_level, overdue

SEVERITIES: Final = {
    Severity.LOW: _("low"),
    Severity.MEDIUM: _("medium"),
    Severity.HIGH: _("high"),
    Severity.CRITICAL: _("critical"),
}


class AssignedTo(DropdownFilter):
    """Whose work it is: one's own, or nobody's, or that of a colleague."""

    parameter_name = "assigned_to"
    title = _("assigned to")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        user = person(request)
        beside = Role.objects.filter(user=OuterRef("pk"), merchant_id__in=merchants(user).values("id"))
        others = User.objects.filter(Exists(beside), is_active=True).exclude(id=user.id).order_by("username")
        return [("me", gettext("me")), ("nobody", gettext("nobody")), *((row.id, called(row)) for row in others)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "nobody":
            return queryset.filter(assigned_to=None)
        wanted = person(request).id if self.value() == "me" else self.value()
        return queryset.filter(assigned_to=wanted) if wanted else queryset


class OfSeverity(DropdownFilter):
    """How urgent: by amount and age."""

    parameter_name = "severity"
    title = _("severity")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(level.value, text) for level, text in reversed(SEVERITIES.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(of_level(Severity(value), now=timezone.now())) if value in set(Severity) else queryset


class Due(DropdownFilter):
    """What should have been resolved by now."""

    parameter_name = "due"
    title = _("due on")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("overdue", gettext("overdue"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(overdue(now=timezone.now())) if self.value() == "overdue" else queryset


class OfChannel(DropdownFilter):
    """In which channel: a plain column here."""

    parameter_name = "channel"
    title = _("channel")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        rows = Channel.objects.filter(within(person(request), May.SEE, channel="id")).order_by("name")
        return [(row.id, str(row)) for row in rows]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(channel_id=self.value()) if self.value() else queryset


def called(user: User) -> str:
    """What to call a colleague."""
    return user.get_full_name() or user.get_username()
