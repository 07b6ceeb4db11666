"""Refund rules and reasons: what binds whom, and the list of reasons that returns are counted by."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from payments.admin.base import render, tables
from payments.admin.base.access import ScopedAdmin, merchants, person
from payments.admin.base.actions import AdminAction
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import ActionForm, AmountField
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.finance.approval_pages import Case
from payments.models import Channel, Merchant, RefundReason, RefundRule
from payments.people.models import ApiKey, Approval, Role, User
from payments.people.permissions import May, may
from payments.services import refund_rules
from payments.text.form_fields import IbanField

EVERYBODY = gettext_lazy("everybody")


class RuleForm(ActionForm):
    """A new rule: what it says, and whom it binds."""

    name = forms.CharField(
        label=gettext_lazy("name"),
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Who is refused something reads this name."),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("kind"), choices=RefundRule.Kind.choices, widget=UnfoldAdminSelectWidget
    )
    role = forms.ChoiceField(label=gettext_lazy("role"), required=False, widget=UnfoldAdminSelectWidget)
    person_id = forms.ChoiceField(label=gettext_lazy("person or key"), required=False, widget=UnfoldAdminSelectWidget)
    channel = forms.ModelChoiceField(
        Channel.objects.none(), label=gettext_lazy("channel"), required=False, widget=UnfoldAdminSelectWidget
    )
    amount = AmountField(
        label=gettext_lazy("at most"), required=False, help_text=gettext_lazy("For a limit, and for nothing else.")
    )
    beyond = forms.ChoiceField(
        label=gettext_lazy("a refund beyond it"),
        choices=[("", "—"), *RefundRule.Beyond.choices],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    iban = IbanField(
        label=gettext_lazy("account to block"),
        max_length=42,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Only its last four characters are shown afterwards."),
    )

    def __init__(self, *args: Any, row: Merchant, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["role"].choices = [("", EVERYBODY), *Role.Name.choices]
        fields["person_id"].choices = [("", EVERYBODY), *_people_of(row)]
        fields["channel"].queryset = row.channels.select_related("merchant").order_by("name")
        fields["channel"].empty_label = _("every channel")
        fields["amount"].currency = row.currency


class ReasonForm(ActionForm):
    """A new reason."""

    code = forms.CharField(
        label=gettext_lazy("code"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget,
        validators=[RegexValidator("^[a-z0-9_]+$", gettext_lazy("Use small letters, digits and underscores."))],
        help_text=gettext_lazy("What a webshop or till sends as the reason, such as too_small."),
    )
    english = forms.CharField(label=gettext_lazy("in English"), max_length=100, widget=UnfoldAdminTextInputWidget)
    dutch = forms.CharField(label=gettext_lazy("in Dutch"), max_length=100, widget=UnfoldAdminTextInputWidget)


def _people_of(merchant: Merchant) -> list[tuple[str, str]]:
    users = User.objects.filter(roles__merchant_id=merchant.id, is_active=True).distinct().order_by("username")
    keys = ApiKey.objects.filter(merchant_id=merchant.id, revoked_at=None).order_by("id")
    called = [(user.id, user.get_full_name() or user.get_username()) for user in users]
    return [*called, *((key.id, _("key “%(label)s”") % {"label": key.label or key.last_characters}) for key in keys)]


def _add_rule(*, user: User, row: Merchant, form: Any) -> str:
    given = {**form.cleaned_data, "person_id": form.cleaned_data["person_id"] or None}
    return _result(refund_rules.add_rule(row, actor=user, **given))


def _end_rule(*, user: User, row: RefundRule, form: Any) -> str:
    return _result(refund_rules.end_rule(row, actor=user))


def _add_reason(*, user: User, row: Merchant, form: Any) -> str:
    return _("“%(reason)s” is in the list.") % {"reason": refund_rules.add_reason(row, actor=user, **form.cleaned_data)}


def _switch_reason(*, user: User, row: RefundReason, form: Any) -> str:
    refund_rules.switch_reason(row, actor=user)
    return _("Saved.")


def _result(made: RefundRule | Approval | None) -> str:
    if isinstance(made, Approval):
        return _("Nothing is changed yet: this waits for a second person.")
    return _("Saved.")


def _of_all(row: RefundRule | RefundReason) -> tuple[str, str | None]:
    return row.merchant_id, None


OF_MERCHANT = (
    AdminAction(
        name="add-refund-rule",
        title=gettext_lazy("Add a refund rule"),
        explanation=gettext_lazy(
            "Without rules everybody who may refund may do so in every way and without a limit. A rule of a person "
            "counts before that of a role, and this before that of a channel; of limits all count."
        ),
        needs=May.MANAGE_SETTINGS,
        form=RuleForm,
        act=_add_rule,
        where=lambda row: (row.id, None),
        second_factor=True,
    ),
    AdminAction(
        name="add-refund-reason",
        title=gettext_lazy("Add a refund reason"),
        needs=May.MANAGE_SETTINGS,
        form=ReasonForm,
        act=_add_reason,
        where=lambda row: (row.id, None),
    ),
)


class _OfMerchant(ReadOnlyModelAdmin):
    """Rows of a merchant's settings; who has a role in one channel sees their merchant's."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super(ScopedAdmin, self).get_queryset(request)
        return rows.filter(merchant__in=merchants(person(request), self.sees))

    def log(self, request: HttpRequest, row: Any) -> list[Section]:
        """Who changed it, for those who may read that."""
        allowed = may(person(request), May.SEE_AUDIT_LOG, merchant_id=row.merchant_id, channel_id=None)
        return [tables.audit(row.id, row.merchant.zone)] if allowed else []


@admin.register(RefundRule)
class RefundRuleAdmin(_OfMerchant):
    """What binds whom."""

    empty_text = gettext_lazy("No refund rule yet: refunds have no limits. Add one on the merchant's page.")
    list_display = ("name", "what", "whom", "limit", "then", "is_active", "merchant")
    list_display_links = ("name",)
    list_select_related = ("merchant", "channel")
    list_filter = (
        ("active", BooleanRadioFilter),
        ("kind", ChoicesDropdownFilter),
        ("merchant", OwnRelated),
    )
    search_fields = ("name", "=id")
    page_actions: ClassVar[tuple[AdminAction, ...]] = (
        AdminAction(
            name="end",
            title=gettext_lazy("End this rule"),
            explanation=gettext_lazy("It binds nobody any more. To change a rule, end it and add another."),
            needs=May.MANAGE_SETTINGS,
            act=_end_rule,
            possible=lambda row: row.active,
            where=_of_all,
            dangerous=True,
            second_factor=True,
        ),
    )

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def what(self, row: RefundRule) -> str:
        return capfirst(row.get_kind_display())

    @admin.display(description=gettext_lazy("binds"))
    def whom(self, row: RefundRule) -> str:
        return _whom(row)

    @admin.display(description=gettext_lazy("at most"), ordering="amount")
    def limit(self, row: RefundRule) -> str | SafeString:
        return render.NOTHING if row.amount is None else render.money(row.amount, row.merchant.currency)

    @admin.display(description=gettext_lazy("a refund beyond it"))
    def then(self, row: RefundRule) -> str:
        return row.get_beyond_display() or render.NOTHING

    @admin.display(description=gettext_lazy("active"), ordering="active")
    def is_active(self, row: RefundRule) -> str:
        return _("yes") if row.active else _("no")

    def page(self, request: HttpRequest, row: RefundRule) -> Page:
        """The rule, in words."""
        label = render.label(_("active"), "success") if row.active else render.label(_("ended"))
        facts = [*_facts(row), (_("created at"), render.moment(row.created_at, row.merchant.zone)), ("id", row.id)]
        return Page(
            title=row.name,
            label=label,
            facts=[Fact(name, value) for name, value in facts if value],
            sections=self.log(request, row),
        )


@admin.register(RefundReason)
class RefundReasonAdmin(_OfMerchant):
    """Why things come back."""

    empty_text = gettext_lazy("No refund reason yet. Add one on the merchant's page, and refunds are counted by it.")
    list_display = ("code", "english", "dutch", "is_active", "merchant")
    list_display_links = ("code",)
    list_select_related = ("merchant",)
    list_filter = (("active", BooleanRadioFilter), ("merchant", OwnRelated))
    search_fields = ("code", "english", "dutch")
    page_actions: ClassVar[tuple[AdminAction, ...]] = (
        AdminAction(
            name="switch",
            title=gettext_lazy("Take out of the list, or back into it"),
            explanation=gettext_lazy(
                "Refunds that name it keep it; new ones can name it only while it is in the list."
            ),
            needs=May.MANAGE_SETTINGS,
            act=_switch_reason,
            where=_of_all,
        ),
    )

    @admin.display(description=gettext_lazy("in the list"), ordering="active")
    def is_active(self, row: RefundReason) -> str:
        return _("yes") if row.active else _("no")

    def page(self, request: HttpRequest, row: RefundReason) -> Page:
        """The reason."""
        facts = [
            (_("code"), row.code),
            (_("in English"), row.english),
            (_("in Dutch"), row.dutch),
            (_("in the list"), self.is_active(row)),
            (_("merchant"), render.link(row.merchant_id, row.merchant.name)),
            ("id", row.id),
        ]
        return Page(title=str(row), facts=[Fact(name, value) for name, value in facts], sections=self.log(request, row))


def case(approval: Approval) -> Case:
    """A rule that is to be added, or to end."""
    row = RefundRule.objects.select_related("merchant", "channel").filter(id=approval.subject_id).first()
    ends = approval.payload["changes"] == {"active": False}
    if row is None:
        merchant = Merchant.objects.get(id=approval.merchant_id)
        row = RefundRule(id=approval.subject_id, merchant=merchant, **approval.payload["changes"])
    what = _("end of “%(rule)s”") if ends else _("new rule “%(rule)s”")
    return Case(what=what % {"rule": row.name}, facts=_facts(row))


def _facts(row: RefundRule) -> list[tuple[Any, Any]]:
    return [
        (_("kind"), capfirst(row.get_kind_display())),
        (_("binds"), _whom(row)),
        (_("at most"), None if row.amount is None else render.amount(row.amount, row.merchant.currency)),
        (_("a refund beyond it"), row.get_beyond_display()),
        (_("account ends in"), row.iban_end and f"…{row.iban_end}"),
        (_("merchant"), render.link(row.merchant_id, row.merchant.name)),
    ]


def _whom(row: RefundRule) -> str:
    """A rule's people and places, in words."""
    who = [
        *([str(row.get_role_display())] if row.role else []),
        *([str(render.people([row.person_id])[row.person_id])] if row.person_id else []),
    ]
    where = [row.channel.name] if row.channel is not None else []
    return " · ".join([*(who or [str(EVERYBODY)]), *where])
