"""Colleagues: who they are, what they may do and where they are signed in; and the audit log."""

from typing import Any, ClassVar, Final

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, DropdownFilter

from payments.admin.base import render, tables
from payments.admin.base.access import ScopedAdmin, person, whole_merchants
from payments.admin.base.addresses import row_url
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ByIdAdmin, ReadOnlyChangeList, ReadOnlyModelAdmin, clock
from payments.admin.setup import user_actions
from payments.models import Channel, Merchant
from payments.people.models import AuditLog, Role, SecondFactor, SignIn, User
from payments.people.permissions import May, only_looks, within
from payments.people.services import one_time_links, sign_ins
from payments.services.colleagues import has_joined

admin.site.unregister(Group)  # what people may do is in their roles
_MOST_BUTTONS: Final = 5  # who manages more merchants invites from a merchant's own page


class PeopleList(ReadOnlyChangeList):
    """The colleagues, with the way to invite another."""

    @property
    def invitations(self) -> list[tuple[str, str]]:
        """At which merchants the reader may invite somebody: what the button says, and its form."""
        own = list(whole_merchants(person(self.request), May.MANAGE_USERS).order_by("name")[:_MOST_BUTTONS])
        if len(own) == 1:
            return [(_("Invite a colleague"), row_url(Merchant, own[0].id, "invite"))]
        return [(_("Invite at %(name)s") % {"name": row.name}, row_url(Merchant, row.id, "invite")) for row in own]


@admin.register(User)
class UserAdmin(ReadOnlyModelAdmin):
    """The people with a role at the merchants whose colleagues the person manages."""

    empty_text = gettext_lazy("Nobody has an account yet. Invite a colleague.")
    sees: ClassVar[May] = May.MANAGE_USERS
    page_actions = user_actions.OF_USER
    change_list_template = "payments/admin/people.html"
    list_display = ("account", "called", "places", "joined", "is_active", "last_login")
    list_display_links = ("account", "called")
    list_filter = (("is_active", BooleanRadioFilter),)
    search_fields = ("username", "first_name", "last_name", "=email", "=id")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PeopleList

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Colleagues: everybody with a role where this person manages them, and for superusers all."""
        rows: QuerySet[User] = super(ScopedAdmin, self).get_queryset(request)
        factor = SecondFactor.objects.filter(user_id=OuterRef("pk"), confirmed=True)
        rows = rows.prefetch_related("roles").annotate(has_factor=Exists(factor))
        if person(request).is_superuser:
            return rows
        here = Role.objects.filter(within(person(request), self.sees, channel=None), user_id=OuterRef("pk"))
        return rows.filter(Exists(here))

    @admin.display(description=gettext_lazy("user name"), ordering="username")
    def account(self, row: User) -> str:
        return row.username if row.is_staff else _("at the counter only")

    @admin.display(description=gettext_lazy("name"))
    def called(self, row: User) -> str:
        return row.get_full_name() or render.NOTHING

    @admin.display(description=gettext_lazy("roles"))
    def places(self, row: User) -> str:
        names = [str(role.get_role_display()) for role in row.roles.all()]
        return ", ".join([_("superuser")] * row.is_superuser + sorted(set(names))) or render.NOTHING

    @admin.display(description=gettext_lazy("joined"), boolean=True)
    def joined(self, row: User) -> bool:
        return row.has_usable_password() and (only_looks(row) or row.has_factor)  # type: ignore[attr-defined]

    def page(self, request: HttpRequest, row: User) -> Page:
        """The person, their roles, and where they are signed in."""
        zone = timezone.get_current_timezone()
        link = one_time_links.waiting(row)
        factor = SecondFactor.objects.filter(user=row).first()
        facts = [
            (_("name"), row.get_full_name()),
            (_("e-mail address"), row.email),
            (_("joined"), _("yes") if has_joined(row) else _("not yet")),
            (_("second factor"), render.moment(factor.enrolled_at, zone) if factor else _("none")),
            (_("link sent, good until"), link and render.moment(link.expires_at, zone)),
            (_("last signed in"), row.last_login and render.moment(row.last_login, zone)),
            ("id", row.id),
        ]
        return Page(
            title=row.get_full_name() or row.username,
            label=render.label(_("open"), "success") if row.is_active else render.label(_("closed"), "danger"),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_roles(row), _sign_ins(row)],
        )


def _roles(user: User) -> Section:
    rows = list(user.roles.order_by("id"))
    merchants = Merchant.objects.in_bulk([row.merchant_id for row in rows])
    channels = Channel.objects.in_bulk([row.channel_id for row in rows if row.channel_id])
    return Section(
        id="roles",
        title=_("Roles"),
        columns=[_("role"), _("merchant"), _("channel")],
        rows=[
            [
                row.get_role_display(),
                render.link(row.merchant_id, merchants[row.merchant_id].name) if row.merchant_id in merchants else "",
                channels[row.channel_id].name if row.channel_id in channels else _("every channel"),
            ]
            for row in rows
        ],
        empty=_("A superuser may do everything.") if user.is_superuser else _("No role: this person may do nothing."),
    )


def _sign_ins(user: User) -> Section:
    zone, now = timezone.get_current_timezone(), timezone.now()
    live = {row.id for row in sign_ins.listed(user, now)}
    return Section(
        id="sign-ins",
        title=_("Signed in"),
        columns=[_("signed in at"), _("last seen at"), _("address"), _("browser"), _("status")],
        rows=[
            [
                render.moment(row.created_at, zone),
                render.moment(row.last_seen_at, zone),
                row.address,
                row.browser[:80],
                _state(row, live),
            ]
            for row in user.sign_ins.order_by("-id")[:20]
        ],
        empty=_("Never signed in."),
    )


def _state(row: SignIn, live: set[str]) -> SafeString | str:
    if row.id in live:
        return render.label(_("signed in"), "success")
    return row.get_ended_because_display() or str(SignIn.Ended.EXPIRED.label)


class OfKind(DropdownFilter):
    """What was changed: the kinds that our models declare; no query looks them up among all entries."""

    parameter_name = "object"
    title = gettext_lazy("object")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        named = {model.OBJECT: model._meta.verbose_name for model in apps.get_models() if hasattr(model, "OBJECT")}
        return [("user", User._meta.verbose_name), *sorted(named.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(object_type=self.value()) if self.value() else queryset


@admin.register(AuditLog)
class AuditLogAdmin(ByIdAdmin):
    """Who changed what."""

    empty_text = gettext_lazy("Nobody has changed anything yet.")
    sees: ClassVar[May] = May.SEE_AUDIT_LOG
    channel_path: ClassVar[str | None] = None
    list_display = ("time", "by", "action", "about", "whose")
    list_display_links = ("time", "action")
    list_filter = (OfKind, ("at", DayRange))
    search_fields = ("=actor", "=object_id", "action__startswith")
    search_help_text = gettext_lazy("Action, or the id of the actor or of the changed object")

    def complete(self, rows: list[Any]) -> None:
        """Give each row its merchant, and its actor a name."""
        super().complete(rows)
        names = render.people(row.actor for row in rows)
        for row in rows:
            row.called = names[row.actor]

    @admin.display(description=gettext_lazy("time"), ordering="id")
    def time(self, row: Any) -> str:
        return render.moment(row.at, clock(row))

    @admin.display(description=gettext_lazy("by"))
    def by(self, row: Any) -> str:
        return str(row.called)

    @admin.display(description=gettext_lazy("about"))
    def about(self, row: AuditLog) -> str | SafeString:
        return render.link(row.object_id)

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
                    rows=tables.changes(row.before, row.after),
                )
            ],
        )
