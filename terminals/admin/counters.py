"""The counter's page: which tablets and phones are paired to a store, and who has a staff code there."""

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from payments.admin.base import render
from payments.admin.base.access import person, require_second_factor
from payments.admin.base.actions import AdminAction
from payments.admin.base.addresses import list_url
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import PersonForm, bound_to, note_refused_choices
from payments.admin.base.links import public_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import OnetillError
from payments.models import Channel
from payments.models.merchant import WITH_COUNTER
from payments.people.models import User
from payments.people.permissions import May, may_somewhere, within
from terminals import codes
from terminals.admin.staff import STARTER_CODE
from terminals.models import CounterBrowser, StaffCode
from terminals.services.counter.pair import OfferedBrowser, offer, unpair
from terminals.services.counter.staff_codes import LONGEST, choose, withdraw

SHOWN: Final = 20  # of the latest sign-ins


class OfStoreForm(PersonForm):
    """A new row of one of the stores where its maker may make one."""

    needs: ClassVar[May] = May.SEE
    asks: ClassVar[tuple[str, ...]] = ()
    channel = forms.ModelChoiceField(Channel.objects.none(), label=_("store"), widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = Channel.objects.filter(within(self.user, self.needs, channel="id"), active=True, kind__in=WITH_COUNTER)
        field: Any = self.fields["channel"]
        field.queryset = own.select_related("merchant").order_by("name")


class BrowserForm(OfStoreForm):
    """A tablet or phone that is to be paired."""

    needs = May.MANAGE_TERMINALS
    asks = ("channel", "label")

    class Meta:
        model = CounterBrowser
        fields = ("channel", "label")


class StaffCodeForm(OfStoreForm):
    """One's own code, typed twice."""

    needs = May.SERVE
    asks = ("channel", "code", "again")
    code = forms.CharField(
        label=_("code"),
        max_length=LONGEST,
        widget=UnfoldAdminPasswordWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("Six to ten digits that only you know."),
    )
    again = forms.CharField(
        label=_("code again"),
        max_length=LONGEST,
        widget=UnfoldAdminPasswordWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    class Meta:
        model = StaffCode
        fields = ("channel",)

    def clean(self) -> dict[str, Any]:
        """Both are the same."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("code") != given.get("again"):
            self.add_error("again", _("The two codes differ."))
        return given


class MadeByServiceAdmin(ReadOnlyModelAdmin):
    """Rows that a service makes from a form of its own; a subclass says who may and what becomes of it."""

    own_form: ClassVar[type[OfStoreForm]]
    creation: ClassVar[str]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_somewhere(person(request), self.own_form.needs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.own_form.asks if obj is None else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return bound_to(self.own_form, person(request))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Show the form; have the service make what it asks for."""
        form = self.get_form(request)(request.POST or None)
        if request.method == "POST" and self.has_add_permission(request):
            if form.is_valid():
                try:
                    return self.make(request, form.cleaned_data)
                except OnetillError as refusal:
                    messages.error(request, explain(refusal))
                    return redirect(request.get_full_path())
            note_refused_choices(form, user=person(request), action=self.creation)
        answer: HttpResponse = super().add_view(request, form_url, extra_context)
        return answer

    def make(self, request: HttpRequest, values: dict[str, Any]) -> HttpResponse:
        """Have it made, and show what came of it."""
        raise NotImplementedError


def _unpair(*, user: User, row: CounterBrowser, form: Any) -> str:
    unpair(row, actor=user.id)
    return str(_("Unpaired. Whoever holds it is signed out, and nobody signs in there again."))


UNPAIR = AdminAction(
    name="unpair",
    title=gettext_lazy("Unpair"),
    explanation=gettext_lazy("For a tablet or phone that is lost, or not used at the counter any more."),
    needs=May.MANAGE_TERMINALS,
    act=_unpair,
    possible=lambda row: row.unpaired_at is None,
    dangerous=True,
)


@admin.register(CounterBrowser)
class CounterBrowserAdmin(MadeByServiceAdmin):
    """Tablets and phones of the stores in which the person sees anything."""

    empty_text = gettext_lazy("No tablet or phone is paired yet. Add one, and open its address with the code you get.")
    own_form = BrowserForm
    creation = "counter_browser.offered"
    page_actions = (UNPAIR,)
    list_display = ("label", "channel", "state", "seen")
    list_filter = (("channel", OwnRelated),)
    list_select_related = ("merchant", "channel")
    search_fields = ("label", "=id")

    @admin.display(description=_("status"))
    def state(self, row: CounterBrowser) -> SafeString:
        """Whether it is paired."""
        if row.unpaired_at is not None:
            return render.label(_("unpaired"))
        return render.label(_("paired"), "success") if row.is_paired else render.label(_("waits for its code"), "info")

    @admin.display(description=_("last seen at"), ordering="last_seen_at")
    def seen(self, row: CounterBrowser) -> str:
        """On the merchant's clocks."""
        return render.moment(row.last_seen_at, row.merchant.zone)

    def page(self, request: HttpRequest, row: CounterBrowser) -> Page:
        """The browser, and who signed in at it lately."""
        zone = row.merchant.zone
        facts: list[tuple[Any, Any]] = [
            (_("store"), render.link(row.channel_id, row.channel.name)),
            (_("browser"), row.browser),
            (_("paired at"), row.paired_at and render.moment(row.paired_at, zone)),
            (_("last seen at"), row.last_seen_at and render.moment(row.last_seen_at, zone)),
            (_("unpaired at"), row.unpaired_at and render.moment(row.unpaired_at, zone)),
            (_("address of the page"), public_link(reverse("counter"), request.build_absolute_uri(reverse("counter")))),
            ("id", row.id),
        ]
        return Page(
            title=row.label,
            label=self.state(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_sign_ins(row)],
        )

    def make(self, request: HttpRequest, values: dict[str, Any]) -> HttpResponse:
        """Show the code, once."""
        made = offer(channel=values["channel"], label=values["label"], actor=person(request).id)
        return self._show(request, made)

    def _show(self, request: HttpRequest, made: OfferedBrowser) -> TemplateResponse:
        address = request.build_absolute_uri(reverse("counter_pair"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Pairing code"),
            "made": made,
            "address": address,
            "qr_svg": codes.qr_of(f"{address}#{made.pairing_code}"),
            "minutes": int(codes.LIVES.total_seconds() // 60),
            "list_url": list_url(CounterBrowser),
        }
        return TemplateResponse(
            request, "terminals/counter_pairing_code.html", context, headers={"Cache-Control": "no-store"}
        )


def _sign_ins(row: CounterBrowser) -> Section:
    rows = row.sign_ins.select_related("user").order_by("-id")[:SHOWN]
    return Section(
        id="sign-ins",
        title=_("Who signed in here"),
        columns=[_("time"), _("person"), _("last seen at"), _("ended")],
        rows=[
            [
                render.moment(one.created_at, row.merchant.zone),
                render.link(one.user_id, one.user.get_full_name() or one.user.get_username()),
                render.moment(one.last_seen_at, row.merchant.zone),
                one.get_ended_because_display() or render.NOTHING,
            ]
            for one in rows
        ],
        empty=_("Nobody yet."),
    )


def _withdraw(*, user: User, row: StaffCode, form: Any) -> str:
    withdraw(row, actor=user.id)
    return str(_("The code is taken away, and its person is signed out at the counter."))


class Withdraw(AdminAction):
    """Managers of the store's terminals, and each person of their own."""

    def allowed(self, user: User, row: Any) -> bool:
        return row.user_id == user.id or AdminAction.allowed(self, user, row)


WITHDRAW = Withdraw(
    name="remove",
    title=gettext_lazy("Take the code away"),
    explanation=gettext_lazy(
        "Somebody saw it, or its person has left. Who has an account can choose another one themselves; who has none "
        "is closed with their last code."
    ),
    needs=May.MANAGE_TERMINALS,
    act=_withdraw,
    dangerous=True,
)


@admin.register(StaffCode)
class StaffCodeAdmin(MadeByServiceAdmin):
    """Who has a code in which store. Each person chooses their own; nobody sees it."""

    empty_text = gettext_lazy(
        "Nobody has a staff code yet. Each colleague chooses their own here; who has no account is added on the "
        "store's page."
    )
    own_form = StaffCodeForm
    creation = "staff_code.chosen"
    page_actions = (STARTER_CODE, WITHDRAW)
    list_display = ("who", "channel", "state", "changed")
    list_filter = (("channel", OwnRelated),)
    list_select_related = ("merchant", "channel", "user")
    search_fields = ("user__username", "user__first_name", "user__last_name", "=id")

    @admin.display(description=_("person"))
    def who(self, row: StaffCode) -> str:
        return str(row)

    @admin.display(description=_("status"))
    def state(self, row: StaffCode) -> SafeString:
        """Whether it still opens anything."""
        if row.is_locked:
            return render.label(_("locked"), "danger")
        if row.starter_hash:
            return render.label(_("waits for its person"), "info")
        return render.label(_("active"), "success")

    @admin.display(description=_("chosen at"), ordering="changed_at")
    def changed(self, row: StaffCode) -> str:
        return render.moment(row.changed_at, row.merchant.zone)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Only who has just proved to be that person chooses a code in that name."""
        return require_second_factor(request) or super().add_view(request, form_url, extra_context)

    def page(self, request: HttpRequest, row: StaffCode) -> Page:
        """Whose it is, where, and whether somebody guessed at it."""
        zone = row.merchant.zone
        facts: list[tuple[Any, Any]] = [
            (_("person"), render.link(row.user_id, str(row))),
            (_("store"), render.link(row.channel_id, row.channel.name)),
            (_("chosen at"), not row.starter_hash and render.moment(row.changed_at, zone)),
            (_("starter code good until"), row.starter_hash and render.moment(row.starter_expires_at, zone)),
            (_("last used at"), row.used_at and render.moment(row.used_at, zone)),
            (_("wrong guesses"), row.failures),
            ("id", row.id),
        ]
        return Page(title=str(row), label=self.state(row), facts=[Fact(name, value) for name, value in facts if value])

    def make(self, request: HttpRequest, values: dict[str, Any]) -> HttpResponse:
        """One's own code, in place of any before it."""
        choose(user=person(request), channel=values["channel"], code=values["code"])
        messages.success(request, _("Your code for %(store)s is chosen.") % {"store": values["channel"].name})
        return redirect(list_url(StaffCode))
