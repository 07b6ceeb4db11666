"""Users and their roles, for superusers; and the audit log, for whoever may read it."""

from typing import Any, ClassVar

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import DropdownFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from payments.admin import sections, show
from payments.admin.access import OwnRequest, person
from payments.admin.filters import DayRange
from payments.admin.pages import Fact, Page, Section
from payments.admin.story import ByIdAdmin, clock
from payments.models import Channel, Merchant
from payments.people.models import AuditLog, Role, User
from payments.people.permissions import May
from payments.people.services import audit_log, second_factors

admin.site.unregister(Group)  # what people may do is in their roles


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Merchants and channels by name."""

    merchant_id = forms.ChoiceField(label=_("merchant"), widget=UnfoldAdminSelectWidget)
    channel_id = forms.ChoiceField(label=_("channel"), required=False, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = Role
        fields = ("merchant_id", "channel_id", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        merchants = Merchant.objects.order_by("name")
        channels = Channel.objects.select_related("merchant").order_by("merchant__name", "name")
        self.fields["merchant_id"].choices = [(row.id, f"{row.name} ({row.mode})") for row in merchants]  # type: ignore[attr-defined]
        self.fields["channel_id"].choices = [  # type: ignore[attr-defined]
            ("", _("every channel")),
            *((row.id, f"{row.merchant.name}: {row.name}") for row in channels),
        ]

    def clean(self) -> dict[str, Any]:
        """A channel is one of the merchant's; none means all of them."""
        values: dict[str, Any] = super().clean() or {}
        values["channel_id"] = values.get("channel_id") or None
        merchant, channel = values.get("merchant_id"), values["channel_id"]
        if channel and not Channel.objects.filter(id=channel, merchant=merchant).exists():
            self.add_error("channel_id", _("This channel belongs to another merchant."))
        return values


class RoleInline(TabularInline):
    """Where this person is what."""

    model = Role
    form = RoleForm
    extra = 0


@admin.register(User)
class UserAdmin(OwnRequest, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """People who sign in. What is changed here stands in the audit log."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (RoleInline,)
    actions = ("take_second_factor_away",)
    list_display = ("username", "first_name", "last_name", "email", "is_active", "last_login")
    list_filter = ("is_active", "is_superuser")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email", "language")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser")}),
    )
    filter_horizontal = ()

    @admin.action(description=_("Take the second factor away (the device is lost)"))
    def take_second_factor_away(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Let these people set up another."""
        for user in users:
            second_factors.take_away(user=user, actor=person(request).id)
        messages.success(request, _("They can set up a new one the next time they are asked for it."))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever acted stays nameable; a person who left is made inactive."""
        return False

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        _note(request, obj, "user.added", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        _note(request, obj, "user.changed", message)
        return super().log_change(request, obj, message)


class OfKind(DropdownFilter):
    """What was changed: the kinds that our models declare; no query looks them up among all entries."""

    parameter_name = "object"
    title = _("object")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        named = {model.OBJECT: model._meta.verbose_name for model in apps.get_models() if hasattr(model, "OBJECT")}
        return [("user", User._meta.verbose_name), *sorted(named.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(object_type=self.value()) if self.value() else queryset


@admin.register(AuditLog)
class AuditLogAdmin(ByIdAdmin):
    """Who changed what."""

    sees: ClassVar[May] = May.SEE_AUDIT_LOG
    channel_path: ClassVar[str | None] = None
    list_display = ("time", "by", "action", "about", "whose")
    list_display_links = ("time", "action")
    list_filter = (OfKind, ("at", DayRange))
    search_fields = ("=actor", "=object_id", "action__startswith")
    search_help_text = _("Action, or the id of whoever acted or of what was changed")

    def tell(self, rows: list[Any]) -> None:
        """Give each row its merchant, and its actor a name."""
        super().tell(rows)
        names = show.people(row.actor for row in rows)
        for row in rows:
            row.called = names[row.actor]

    @admin.display(description=_("time"), ordering="id")
    def time(self, row: Any) -> str:
        return show.moment(row.at, clock(row))

    @admin.display(description=_("by"))
    def by(self, row: Any) -> str:
        return str(row.called)

    @admin.display(description=_("about"))
    def about(self, row: AuditLog) -> str | SafeString:
        return show.link(row.object_id)

    def page(self, request: HttpRequest, row: Any) -> Page:
        """What was so before, and what is after."""
        facts: list[tuple[Any, Any]] = [
            (_("time"), self.time(row)),
            (_("by"), row.called),
            (_("about"), self.about(row)),
            (_("merchant"), self.whose(row)),
        ]
        return Page(
            title=row.action,
            facts=[Fact(name, value) for name, value in facts],
            sections=[
                Section(
                    id="changes",
                    title=_("Changes"),
                    columns=[_("what"), _("before"), _("after")],
                    rows=sections.changes(row.before, row.after),
                )
            ],
        )


def _note(request: HttpRequest, user: User, action: str, message: Any) -> None:
    """Which fields and roles; never what else they hold, which is people's data."""
    changes = {"changes": message, "roles": [str(role) for role in user.roles.all()], "superuser": user.is_superuser}
    audit_log.write(actor=person(request).id, action=action, subject=user, merchant_id=None, after=changes)
