"""Connectors to the accountant's software: added, signed in to, changed, switched off."""

from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action

from payments.admin.base import render
from payments.admin.base.access import person, require_second_factor, whole_merchants
from payments.admin.base.actions import AdminAction
from payments.admin.base.addresses import list_url, row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import note_refused_choices
from payments.admin.base.links import list_link, row_link
from payments.admin.base.page import Fact, Page
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import OnetillError
from payments.people.models import Approval, User
from payments.people.permissions import May, may_somewhere
from reconciliation import queries, registry
from reconciliation.admin.connector_documents import documents_section
from reconciliation.admin.connector_forms import (
    CREDENTIALS,
    SETTINGS,
    AccessForm,
    ChangeForm,
    NewConnectorForm,
    SignInForm,
    package_name,
)
from reconciliation.admin.connector_words import trouble
from reconciliation.models import Connector, ConnectorDocument
from reconciliation.services import connector_access, connector_outbox, connector_sign_in, connectors

_COLORS: Final = {"connected": "success", "needs_sign_in": "warning", "failing": "danger", "off": "info"}


def _waiting(approval: Approval | None, done: str) -> str:
    return done if approval is None else _("Nothing is changed yet: this waits for a second person.")


def _change(*, user: User, row: Connector, form: Any) -> str:
    return _waiting(connectors.change(row, changes=form.cleaned_data, credentials={}, actor=user), _("Saved."))


def _access(*, user: User, row: Connector, form: Any) -> str:
    changes = {"settings": form.part("setting_")}
    waits = connectors.change(row, changes=changes, credentials=form.part("secret_"), actor=user)
    return _waiting(waits, _("Saved."))


def _send(*, user: User, row: Connector, form: Any) -> str:
    connector_outbox.send_now(row, actor=user.id)
    return _("It is being sent. What fails stands below.")


def _switch(*, user: User, row: Connector, form: Any) -> str:
    on = row.status == Connector.Status.OFF
    connectors.switch(row, on=on, actor=user.id)
    return _("It is switched on.") if on else _("It is switched off. What is booked meanwhile waits.")


def _remove(*, user: User, row: Connector, form: Any) -> str:
    connectors.remove(row, actor=user.id)
    return _("The connector and its credentials were removed. What was sent stays there.")


def _never(*, user: User, row: Connector, form: Any) -> str:
    raise AssertionError("the form leads to the package")


def _is_on(row: Connector) -> bool:
    return row.status != Connector.Status.OFF


def _sends(row: Connector) -> bool:
    return row.status in (Connector.Status.CONNECTED, Connector.Status.FAILING)


@admin.register(Connector)
class ConnectorAdmin(ReadOnlyModelAdmin):
    """Connectors are added on a page of their own; credentials are entered and never shown."""

    empty_text = gettext_lazy("No bookkeeping software is connected yet.")
    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = ("name", "shown_kind", "merchant", "shown_status", "waiting", "failing", "ran")
    list_filter = (("merchant", OwnRelated), ("status", ChoicesDropdownFilter))
    list_select_related = ("merchant",)
    search_fields = ("name", "=id")
    search_help_text = gettext_lazy("Name of the connector")
    actions_list = ("connect",)
    page_actions = (
        AdminAction(
            name="send",
            title=gettext_lazy("Send now"),
            explanation=gettext_lazy("Also what failed, and what waits for its next attempt."),
            needs=May.RESOLVE,
            possible=_sends,
            act=_send,
        ),
        AdminAction(
            name="sign-in",
            title=gettext_lazy("Sign in"),
            explanation=gettext_lazy("You sign in at the package itself; Onetill never learns your password."),
            needs=May.MANAGE_SETTINGS,
            possible=lambda row: _is_on(row) and connector_access.signs_in(row),
            form=SignInForm,
            act=_never,
            second_factor=True,
            template="reconciliation/connector_sign_in.html",
        ),
        AdminAction(name="set", title=gettext_lazy("Change"), needs=May.MANAGE_SETTINGS, form=ChangeForm, act=_change),
        AdminAction(
            name="access",
            title=gettext_lazy("Change the access"),
            explanation=gettext_lazy("At a live merchant a second person has to agree."),
            needs=May.MANAGE_SETTINGS,
            form=AccessForm,
            act=_access,
            second_factor=True,
        ),
        AdminAction(
            name="off", title=gettext_lazy("Switch off"), needs=May.MANAGE_SETTINGS, possible=_is_on, act=_switch
        ),
        AdminAction(
            name="on",
            title=gettext_lazy("Switch on"),
            needs=May.MANAGE_SETTINGS,
            possible=lambda row: not _is_on(row),
            act=_switch,
        ),
        AdminAction(
            name="remove",
            title=gettext_lazy("Remove the connector"),
            explanation=gettext_lazy("Its credentials are deleted. What was sent stays there."),
            needs=May.MANAGE_SETTINGS,
            act=_remove,
            dangerous=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connector]:
        rows: QuerySet[Connector] = super().get_queryset(request)
        return queries.with_outbox(rows.filter(removed_at=None))

    @admin.display(description=gettext_lazy("package"), ordering="kind")
    def shown_kind(self, row: Connector) -> str:
        return package_name(row.kind)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def shown_status(self, row: Connector) -> SafeString:
        return render.label(row.get_status_display(), _COLORS[row.status])

    @admin.display(description=gettext_lazy("entries that wait"))
    def waiting(self, row: Any) -> int:
        return int(row.pending)

    @admin.display(description=gettext_lazy("entries that failed"))
    def failing(self, row: Any) -> int:
        return int(row.failed)

    @admin.display(description=gettext_lazy("last run at"), ordering="last_run_at")
    def ran(self, row: Connector) -> str:
        return render.short_moment(row.last_run_at, row.merchant.zone) if row.last_run_at else render.NOTHING

    def get_urls(self) -> list[Any]:
        back = self.admin_site.admin_view(self.signed_in)
        return [path("signed-in/", back, name="reconciliation_connector_signed_in"), *super().get_urls()]

    def page(self, request: HttpRequest, row: Any) -> Page:
        """How it stands, and the newest documents that were not sent and that were."""
        zone = row.merchant.zone
        named = [(SETTINGS.get(name, name), value) for name, value in row.settings.items()]
        secrets = sorted(connector_access.credentials_of(row))
        facts: list[tuple[Any, Any]] = [
            (_("package"), package_name(row.kind)),
            (_("administration"), row.administration),
            (_("error"), trouble(row.error_code, row.error_detail)),
            (_("entries that wait"), str(row.pending)),
            (_("entries that were sent"), str(row.sent)),
            (_("entries that failed"), str(row.failed)),
            (_("last run at"), row.last_run_at and render.moment(row.last_run_at, zone)),
            (_("what is sent"), row.get_sends_display()),
            (_("sent"), row.get_days_display()),
            (_("from the book date"), render.day(row.starts_on)),
            *named,
            (_("credentials"), ", ".join(str(CREDENTIALS.get(name, name)) for name in secrets)),
            (_("documents"), list_link(ConnectorDocument, _("all documents"), connector__id__exact=row.id)),
            (_("merchant"), row_link(row.merchant)),
            (_("created at"), render.moment(row.created_at, zone)),
            ("id", row.id),
        ]
        documents = row.documents.select_related("connector__merchant").order_by("-book_date", "-number")
        sent = documents.filter(status=ConnectorDocument.Status.SENT)
        open_ = documents.exclude(status=ConnectorDocument.Status.SENT)
        return Page(
            title=row.name,
            label=self.shown_status(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[
                documents_section("open", _("Not sent yet"), open_, _("Everything is sent.")),
                documents_section("sent", _("Sent last"), sent, _("Nothing was sent yet.")),
            ],
        )

    def has_connect_permission(self, request: HttpRequest) -> bool:
        """Whoever manages settings somewhere."""
        return may_somewhere(person(request), May.MANAGE_SETTINGS)

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Connect a package"), url_path="connect", permissions=["connect"], icon="sync_alt"
    )
    def connect(self, request: HttpRequest) -> HttpResponse:
        """Choose a package, then enter what it needs."""
        if not self.has_connect_permission(request):
            raise PermissionDenied
        kind = request.GET.get("package")
        if kind is None:
            return self._connecting(request, packages=[(code, one.name) for code, one in registry.connectors().items()])
        if kind not in registry.connectors():
            raise Http404
        if step_up := require_second_factor(request, back=request.get_full_path()):
            return step_up
        merchants = whole_merchants(person(request), May.MANAGE_SETTINGS).order_by("name")
        data = request.POST if request.method == "POST" else None
        form = NewConnectorForm(data, merchants=merchants, kind=kind)
        if form.is_valid() and (done := self._connected(request, kind, form)) is not None:
            return done
        if request.method == "POST":
            note_refused_choices(form, user=person(request), action="connector.added")
        return self._connecting(request, form=form)

    def _connecting(self, request: HttpRequest, **more: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": _("Connect a package"), "opts": self.opts, **more}
        status = 422 if "form" in more and more["form"].errors else 200
        return TemplateResponse(request, "reconciliation/connector_add.html", context, status=status)

    def _connected(self, request: HttpRequest, kind: str, form: NewConnectorForm) -> HttpResponse | None:
        try:
            made = connectors.add(kind=kind, actor=person(request), **form.given())
        except OnetillError as refusal:
            form.add_error(None, explain(refusal))
            return None
        if isinstance(made, Approval):
            messages.info(request, _waiting(made, ""))
            return redirect(list_url(Connector))
        messages.success(request, _("The package is connected."))
        return redirect(row_url(Connector, made.id))

    def signed_in(self, request: HttpRequest) -> HttpResponse:
        """A person comes back from the package, with a code or without one."""
        if not may_somewhere(person(request), May.MANAGE_SETTINGS):
            raise PermissionDenied
        if step_up := require_second_factor(request, back=request.get_full_path()):
            return step_up
        state, code = request.GET.get("state", ""), request.GET.get("code", "")
        try:
            row = connector_sign_in.finish(state=state, code=code, user=person(request))
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
            return redirect(list_url(Connector))
        messages.success(request, _("Signed in. What waits is being sent."))
        return redirect(row_url(Connector, row.id))
