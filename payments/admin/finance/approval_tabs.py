"""Whose turn a request for a second person is: the filter of the list, its tabs with their counts, and the next one."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from payments.admin.base.access import can, merchants, person
from payments.admin.base.addresses import list_url, row_url
from payments.admin.base.read_only_admin import MessageChangeList
from payments.models import BankTransfer
from payments.models.refund import PartStatus
from payments.people.models import Approval, User
from payments.people.permissions import May, within
from payments.people.services.approvals import decidable_by

TURNS: Final[dict[str, Any]] = {
    "me": gettext_lazy("waiting for me"),
    "own": gettext_lazy("my own requests"),
    "others": gettext_lazy("waiting for others"),
    "decided": gettext_lazy("decided"),
}
WAITING: Final = ("me", "own", "others")
_EMPTY: Final[dict[str, Any]] = {
    "me": gettext_lazy("Nothing waits for you. What your role decides about appears here by itself."),
    "own": gettext_lazy("None of your own requests waits for somebody."),
    "others": gettext_lazy("Nothing waits for anybody else."),
    "decided": gettext_lazy("Nothing was decided yet."),
}


def turn(user: User, value: str) -> Q:
    """The requests of one tab: each undecided one is in exactly one of the first three."""
    own = Q(behind__contains=[user.id])
    return {
        "me": decidable_by(user),
        "own": Q(decision=None) & own,
        "others": Q(decision=None) & ~own & ~decidable_by(user),
        "decided": Q(decision__isnull=False),
    }[value]


class Turn(DropdownFilter):
    """What the reader is asked to decide, apart from what others are and from their own requests."""

    parameter_name = "turn"
    title = gettext_lazy("whose turn")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(TURNS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(turn(person(request), value)) if value in TURNS else queryset


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One part of the inbox: its title, how many are in it (None: not counted), and where it is."""

    title: str
    link: str
    count: int | None = None
    current: bool = False


class ApprovalList(MessageChangeList):
    """The requests, under tabs by whose turn it is."""

    @property
    def tabs(self) -> list[Tab]:
        """The tabs with their counts, in two statements; the bank transfers that wait stand beside them."""
        user, chosen = person(self.request), self.request.GET.get("turn", "")
        rows = self.model_admin.get_queryset(self.request).order_by()
        counts = rows.aggregate(**{name: Count("pk", filter=turn(user, name)) for name in WAITING})
        found = [
            Tab(
                title=str(title),
                link=list_url(Approval, turn=name),
                count=counts.get(name),
                current=name == chosen,
            )
            for name, title in TURNS.items()
        ]
        return [*found, *self._transfers(user)]

    @property
    def empty_tab(self) -> Any:
        """What an empty tab says; nothing where another filter may have emptied it."""
        others = [name for name in self.params if name != "turn"]
        return "" if others else _EMPTY.get(self.request.GET.get("turn", ""), "")

    def _transfers(self, user: User) -> list[Tab]:
        """Bank transfers are released on a page of their own, one by one or in a batch."""
        if not can(self.request, May.RELEASE_TRANSFERS):
            return []
        reach = within(user, May.RELEASE_TRANSFERS, merchant="refund__merchant_id", channel="refund__channel_id")
        waiting = BankTransfer.objects.filter(reach, status=PartStatus.PENDING, batch=None)
        count = waiting.exclude(refund__requested_by=user.id).count()
        return [Tab(title=_("bank transfers to release"), link=list_url(BankTransfer), count=count)] if count else []


def after(row: Approval, user: User) -> dict[str, Any]:
    """How many others wait for this person, and where the oldest of them is."""
    own = list(merchants(user).values_list("id", flat=True))
    others = Approval.objects.filter(decidable_by(user), merchant_id__in=own).exclude(pk=row.pk)
    ids = list(others.order_by("requested_at", "pk").values_list("pk", flat=True)[:100])
    return {
        "left": len(ids),
        "next_url": row_url(Approval, ids[0]) if ids else "",
        "inbox": list_url(Approval, turn="me"),
    }
