"""Pages that show people what their roles let them see, and change nothing by themselves."""

from contextvars import ContextVar
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.admin.filters import AllValuesFieldListFilter, RelatedFieldListFilter
from django.contrib.admin.utils import get_fields_from_path
from django.db.models import DateTimeField, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from payments.models import Channel, Merchant
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


def own_rows(model: Any, user: User, what: May) -> QuerySet[Any]:
    """Rows of a model that belong to a merchant (or are one, or are colleagues) where the person may do this."""
    own = merchants(user, what)
    if model is Merchant:
        return own
    if model is User:
        return User.objects.filter(Q(roles__merchant_id__in=own.values("id")) | Q(id=user.id)).distinct()
    rows: QuerySet[Any] = model.objects.filter(merchant__in=own)
    return rows.filter(within(user, what, channel="id")) if model is Channel else rows


class OwnChoices(RelatedFieldListFilter):
    """Offers what is the person's own: Django's filters name every row there is."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        rows = own_rows(field.remote_field.model, person(request), getattr(model_admin, "sees", May.SEE))
        return sorted(((row.pk, str(row)) for row in rows), key=lambda choice: choice[1])


class OwnValues(AllValuesFieldListFilter):
    """Offers the values of the person's own rows, also where these stand in another table."""

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        rows = own_rows(field.model, person(request), getattr(model_admin, "sees", May.SEE))
        self.lookup_choices = rows.order_by(field.name).values_list(field.name, flat=True).distinct()


_request: Final[ContextVar[HttpRequest | None]] = ContextVar("request of an admin page", default=None)


class OwnRequest:
    """unfold keeps the request of a list on the admin itself, which serves all at once: here each keeps its own."""

    @property
    def request(self) -> HttpRequest:
        """The request that this thread answers."""
        request = _request.get()
        if request is None:
            raise AttributeError("request")
        return request

    @request.setter
    def request(self, request: HttpRequest) -> None:
        _request.set(request)


class ScopedAdmin(OwnRequest, ModelAdmin):
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

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [_own_filter(self.model, each) for each in super().get_list_filter(request)]

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


def _own_filter(model: Any, each: Any) -> Any:
    """A filter that is named by its field alone, in the form that offers the person's own."""
    if not isinstance(each, str):
        return each
    field: Any = get_fields_from_path(model, each)[-1]
    if field.is_relation:
        return each, OwnChoices
    return (each, OwnValues) if "__" in each and not field.choices else each


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
