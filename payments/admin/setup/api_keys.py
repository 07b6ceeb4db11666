"""API keys: made, rolled and revoked here; the key itself is shown once."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from payments.admin.base import render
from payments.admin.base.access import person, require_second_factor, whole_merchants
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OfMerchant
from payments.admin.base.forms import PersonForm, bound_to, note_refused_choices
from payments.admin.base.page import Fact, Page
from payments.admin.base.read_only_admin import ByIdAdmin, clock
from payments.core.errors import OnetillError
from payments.models import Channel, Merchant
from payments.people.models import ApiKey
from payments.people.permissions import May, may_somewhere
from payments.people.scopes import SCOPES
from payments.people.services import api_keys
from payments.people.services.api_keys import NewKey


class ApiKeyForm(PersonForm):
    """What a new key opens, within what its maker may give."""

    merchant_id = forms.ModelChoiceField(Merchant.objects.none(), label=_("merchant"), widget=UnfoldAdminSelectWidget)
    channel_id = forms.ModelChoiceField(
        Channel.objects.none(), label=_("channel"), required=False, widget=UnfoldAdminSelectWidget
    )
    scopes = forms.MultipleChoiceField(
        label=_("scopes"),
        choices=[(scope, scope) for scope in SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Write access includes read access."),
    )

    class Meta:
        model = ApiKey
        fields = ("merchant_id", "channel_id", "label", "scopes", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = whole_merchants(self.user, May.MANAGE_KEYS)
        self._field("merchant_id").queryset = own
        self._field("channel_id").queryset = Channel.objects.filter(merchant__in=own)

    def clean(self) -> dict[str, Any]:
        """A channel is one of the merchant's."""
        values: dict[str, Any] = super().clean() or {}
        merchant, channel = values.get("merchant_id"), values.get("channel_id")
        if merchant and channel and channel.merchant_id != merchant.id:
            self.add_error("channel_id", _("This channel belongs to another merchant."))
        return values

    def _field(self, name: str) -> Any:
        return self.fields[name]


@admin.register(ApiKey)
class ApiKeyAdmin(ByIdAdmin):
    """Keys of the merchants whose keys the person manages."""

    empty_text = gettext_lazy("No key was made yet. A webshop or another system needs one to use the API.")
    sees: ClassVar[May] = May.MANAGE_KEYS
    channel_path: ClassVar[str | None] = None
    form = ApiKeyForm
    actions = ("roll", "revoke")
    list_display = ("named", "state", "where", "whose", "made", "ends", "used")
    list_filter = (("mode", ChoicesDropdownFilter), OfMerchant)
    search_fields = ("label", "=id", "=last_characters")
    search_help_text = _("Label, or the last characters of the key")

    @admin.display(description=_("key"))
    def named(self, row: ApiKey) -> str:
        return f"{row.label or _('no label')} (ot_{row.mode}_…{row.last_characters})"

    @admin.display(description=_("status"))
    def state(self, row: ApiKey) -> SafeString:
        if row.revoked_at is not None:
            return render.label(_("revoked"), "danger")
        return render.label(_("active"), "success") if row.usable_at(timezone.now()) else render.label(_("expired"))

    @admin.display(description=_("created at"), ordering="id")
    def made(self, row: Any) -> str:
        return render.moment(row.created_at, clock(row))

    @admin.display(description=_("expires at"), ordering="expires_at")
    def ends(self, row: Any) -> str:
        return render.moment(row.expires_at, clock(row))

    @admin.display(description=_("last used at"), ordering="last_used_at")
    def used(self, row: Any) -> str:
        return render.moment(row.last_used_at, clock(row))

    def page(self, request: HttpRequest, row: Any) -> Page:
        """What it opens, for whom and until when; never the key itself."""
        facts: list[tuple[Any, Any]] = [
            (_("mode"), row.get_mode_display()),
            (_("scopes"), ", ".join(row.scopes)),
            (_("channel"), row.channel and render.link(row.channel.id, row.channel.name)),
            (_("merchant"), row.merchant.name),
            (_("created at"), self.made(row)),
            (_("created by"), render.people([row.created_by])[row.created_by]),
            (_("expires at"), row.expires_at and self.ends(row)),
            (_("revoked at"), row.revoked_at and render.moment(row.revoked_at, clock(row))),
            (_("last used at"), row.last_used_at and self.used(row)),
            ("id", row.id),
        ]
        return Page(
            title=self.named(row), label=self.state(row), facts=[Fact(name, value) for name, value in facts if value]
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_somewhere(person(request), self.sees)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return ApiKeyForm.Meta.fields

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: Any) -> Any:
        return bound_to(super().get_form(request, obj, change, **kwargs), person(request))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for the second factor, show the form, have the service make the key, and show the key once."""
        if self.has_add_permission(request) and (step_up := require_second_factor(request)):
            return step_up
        form = self.get_form(request)(request.POST or None)
        if request.method == "POST" and self.has_add_permission(request):
            if form.is_valid():
                return self._make(request, form.cleaned_data)
            note_refused_choices(form, user=person(request), action="api_key.created")
        answer: HttpResponse = super().add_view(request, form_url, extra_context)
        return answer

    def _make(self, request: HttpRequest, values: dict[str, Any]) -> HttpResponse:
        channel = values["channel_id"]
        try:
            new = api_keys.create(
                merchant_id=values["merchant_id"].id,
                test_mode=values["merchant_id"].test_mode,
                channel_id=channel.id if channel else None,
                scopes=values["scopes"],
                label=values["label"],
                expires_at=values["expires_at"],
                actor=person(request),
            )
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
            keys: HttpResponse = self.changelist_view(request)
            return keys
        return self._show(request, new)

    @admin.action(description=_("Replace: a new key now, this one ends in 24 hours"))
    def roll(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> HttpResponse | None:
        """Make a key like this one, and show it once."""
        if step_up := require_second_factor(request):
            return step_up
        if len(keys) != 1:
            messages.error(request, _("Choose one key to replace."))
            return None
        try:
            return self._show(request, self._rolled(request, keys[0]))
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
            return None

    @admin.action(description=_("Revoke: they stop working at once"))
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> HttpResponse | None:
        """End these keys."""
        if step_up := require_second_factor(request):
            return step_up
        try:
            for key in keys:
                api_keys.revoke(key_id=key.id, merchant_id=key.merchant_id, actor=person(request))
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
        else:
            messages.success(request, _("Revoked."))
        return None

    def _rolled(self, request: HttpRequest, key: ApiKey) -> NewKey:
        return api_keys.roll(key_id=key.id, merchant_id=key.merchant_id, actor=person(request))

    def _show(self, request: HttpRequest, new: NewKey) -> TemplateResponse:
        context = {**self.admin_site.each_context(request), "title": _("New API key"), "new": new}
        return TemplateResponse(request, "payments/new_key.html", context, headers={"Cache-Control": "no-store"})
