"""Pages that show people what their roles let them see, and change nothing by themselves."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db.models import DateTimeField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from payments.models import Merchant
from payments.people.models import Role, User
from payments.people.permissions import GRANTS, May, may_somewhere, within
from payments.people.services.approvals import has_recent_second_factor


def person(request: HttpRequest) -> User:
    """Who is signed in, with the proof of this session (`payments.people.middleware`)."""
    user = request.user
    assert isinstance(user, User), "the admin lets nobody in who is not signed in"
    return user


def asked_for_second_factor(request: HttpRequest, *, back: str | None = None) -> HttpResponse | None:
    """The way to the page that takes a second factor, unless one was just proved; it leads back here afterwards."""
    if has_recent_second_factor(person(request)):
        return None
    messages.warning(request, _("Prove with your second factor who you are, then go on."))
    return redirect(f"{reverse('second_factor')}?{urlencode({'next': back or request.path})}")


class ScopedList(ChangeList):
    """A list whose days are days: Django makes moments of them by the page's clock, and reads them back by UTC."""

    def get_filters(self, request: HttpRequest) -> Any:
        if not self.date_hierarchy or isinstance(self.lookup_opts.get_field(self.date_hierarchy), DateTimeField):
            return super().get_filters(request)
        with timezone.override(timezone.get_default_timezone()):
            return super().get_filters(request)


class ScopedAdmin(ModelAdmin):
    """Rows of the merchants and channels in which the person may do `sees`; nothing is added, changed or deleted here.

    `merchant_path` and `channel_path` say where a row keeps them (None: it has no channel).
    """

    sees: ClassVar[May] = May.SEE
    merchant_path: ClassVar[str] = "merchant_id"
    channel_path: ClassVar[str | None] = "channel_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """What this person may see."""
        reach = within(person(request), self.sees, merchant=self.merchant_path, channel=self.channel_path)
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(reach)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return ScopedList

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
