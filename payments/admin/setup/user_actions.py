"""Actions on a colleague's account; the services check the permission again."""

from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from payments.admin.base.access import whole_merchants
from payments.admin.base.actions import AdminAction
from payments.admin.base.forms import ActionForm
from payments.models import Channel, Merchant
from payments.people.models import Role, User
from payments.people.permissions import May, within
from payments.services import colleagues

EVERY_CHANNEL = "every"  # chosen, never the default


@dataclass(frozen=True, slots=True, kw_only=True)
class ColleagueAction(AdminAction):
    """One thing about a colleague: done by who manages colleagues at a merchant where this one has a role."""

    def allowed(self, user: User, row: User) -> bool:
        """Whether this person may, whatever state the account is in; nobody about their own."""
        return user.pk != row.pk and (user.is_superuser or _shared(user, row) is not None)


# What each role may do, in the words of whoever gives it.
MEANS: Final[dict[Role.Name, Any]] = {
    Role.Name.SERVICE: gettext_lazy("finds any order, sends receipts and payment links; gives no money back"),
    Role.Name.CLERK: gettext_lazy("the same, and refunds within the limits"),
    Role.Name.STORE_MANAGER: gettext_lazy("the same, agrees to refunds, counts the till and manages terminals"),
    Role.Name.FINANCE: gettext_lazy("books, differences, refunds and transfers; agrees to what others ask for"),
    Role.Name.CONTROLLER: gettext_lazy("books and differences, agrees to what others ask for; refunds nothing"),
    Role.Name.DEVELOPER: gettext_lazy("API keys and webhooks; sees payments and no books"),
    Role.Name.AUDITOR: gettext_lazy("sees everything, changes nothing"),
    Role.Name.OWNER: gettext_lazy("everything, also settings and colleagues"),
}


class RoleForm(ActionForm):
    """A role and where; nothing is chosen beforehand, and only what the giver has is offered."""

    role = forms.ChoiceField(label=gettext_lazy("role"), widget=UnfoldAdminSelectWidget)
    place = forms.ChoiceField(
        label=gettext_lazy("where"),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("One channel, or every channel of a merchant."),
    )

    def __init__(self, *args: Any, row: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        places = _places(user, row if isinstance(row, Merchant) else None)
        roles, where = self.fields["role"], self.fields["place"]
        assert isinstance(roles, forms.ChoiceField)
        assert isinstance(where, forms.ChoiceField)
        roles.choices = [
            ("", _("choose …")),
            *((role.value, f"{capfirst(str(role.label))}: {MEANS[role]}") for role in colleagues.LEAST_FIRST),
        ]
        where.choices = [("", _("choose …")), *places]

    def clean(self) -> dict[str, Any]:
        """The giver has at least this there."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("role") and values.get("place"):
            merchant_id, _separator, channel_id = values["place"].partition("/")
            values["merchant_id"] = merchant_id
            values["channel_id"] = None if channel_id == EVERY_CHANNEL else channel_id
            role = Role.Name(values["role"])
            if not colleagues.may_give(self.user, role, merchant_id, values["channel_id"]):
                raise ValidationError(_("This role allows what you may not do there yourself. Ask an owner."))
        return values


class InviteForm(RoleForm):
    """Who is invited, and as what."""

    email = forms.EmailField(
        label=gettext_lazy("e-mail address"),
        max_length=150,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The link goes to this address, and works once."),
    )
    name = forms.CharField(
        label=gettext_lazy("name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget
    )
    field_order = ("email", "name", "role", "place")


class TakeRoleForm(ActionForm):
    """Which role."""

    role = forms.ChoiceField(label=gettext_lazy("role"), widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, row: User, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        own = row.roles.filter(within(user, May.MANAGE_USERS, channel=None)).order_by("id")
        names = dict(_places(user, None))
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("choose …")), *((str(role.pk), _named(role, names)) for role in own)]


def _invite(*, user: User, row: Merchant, form: Any) -> str:
    given = form.cleaned_data
    colleagues.invite(
        address=given["email"],
        name=given["name"],
        merchant_id=given["merchant_id"],
        channel_id=given["channel_id"],
        role=Role.Name(given["role"]),
        by=user,
    )
    message: str = _("%(email)s is invited: an e-mail with a link is on its way, which works for seven days.") % given
    return message


def _give_role(*, user: User, row: User, form: Any) -> str:
    given = form.cleaned_data
    colleagues.give_role(
        row,
        merchant_id=given["merchant_id"],
        channel_id=given["channel_id"],
        role=Role.Name(given["role"]),
        by=user,
    )
    return _("The role is given; the person signs in once more.")


def _take_role(*, user: User, row: User, form: Any) -> str:
    colleagues.take_role(row, role_id=int(form.cleaned_data["role"]), by=user)
    return _("The role is taken away, and the person is signed out.")


def _invite_again(*, user: User, row: User, form: Any) -> str:
    colleagues.invite_again(row, merchant_id=_shared(user, row), by=user)
    return _("Another e-mail is on its way; the earlier link no longer works.")


def _end_sign_ins(*, user: User, row: User, form: Any) -> str:
    ended = colleagues.end_sign_ins(row, merchant_id=_shared(user, row), by=user)
    return ngettext("%(count)d sign-in is ended.", "%(count)d sign-ins are ended.", ended) % {"count": ended}


def _ask_recovery(*, user: User, row: User, form: Any) -> str:
    colleagues.ask_recovery(row, merchant_id=_shared(user, row), by=user)
    return _("A second person has to agree; then a link goes to the address of the account.")


def _close(*, user: User, row: User, form: Any) -> str:
    colleagues.set_open(row, is_open=False, merchant_id=_shared(user, row), by=user)
    return _("The account is closed, and the person is signed out.")


def _open(*, user: User, row: User, form: Any) -> str:
    colleagues.set_open(row, is_open=True, merchant_id=_shared(user, row), by=user)
    return _("The account is open again.")


def _shared(user: User, row: User) -> str | None:
    """A merchant at which one manages colleagues and the other has a role; None: none, or a superuser is asking."""
    found = row.roles.filter(within(user, May.MANAGE_USERS, channel=None)).order_by("id").first()
    return found.merchant_id if found else None


def _places(user: User, merchant: Merchant | None) -> list[tuple[str, str]]:
    """Where this person may give roles, each merchant's channels first."""
    own = whole_merchants(user, May.MANAGE_USERS)
    if merchant is not None:
        own = own.filter(pk=merchant.pk)
    channels = Channel.objects.filter(merchant__in=own).select_related("merchant").order_by("merchant__name", "name")
    every = [(f"{row.id}/{EVERY_CHANNEL}", _("%(name)s: every channel") % {"name": row.name}) for row in own]
    return [*((f"{row.merchant_id}/{row.id}", f"{row.merchant.name}: {row.name}") for row in channels), *every]


def _named(role: Role, names: dict[str, str]) -> str:
    return f"{role.get_role_display()} · {names.get(f'{role.merchant_id}/{role.channel_id or EVERY_CHANNEL}', '')}"


def _of_merchant(row: Merchant) -> tuple[str, str | None]:
    return row.id, None


INVITE = AdminAction(
    name="invite",
    title=gettext_lazy("Invite a colleague"),
    needs=May.MANAGE_USERS,
    second_factor=True,
    form=InviteForm,
    act=_invite,
    where=_of_merchant,
)
_COMMON: dict[str, Any] = {"needs": May.MANAGE_USERS, "second_factor": True}
OF_USER = (
    ColleagueAction(
        name="give-role",
        title=gettext_lazy("Give a role"),
        form=RoleForm,
        act=_give_role,
        possible=lambda row: row.is_active and not row.is_superuser,
        **_COMMON,
    ),
    ColleagueAction(
        name="take-role",
        title=gettext_lazy("Take a role away"),
        form=TakeRoleForm,
        act=_take_role,
        possible=lambda row: bool(row.roles.all()),
        **_COMMON,
    ),
    ColleagueAction(
        name="invite-again",
        title=gettext_lazy("Send the link again"),
        act=_invite_again,
        possible=lambda row: row.is_active and not colleagues.has_joined(row),
        **_COMMON,
    ),
    ColleagueAction(
        name="recover",
        title=gettext_lazy("Device or password lost"),
        explanation=gettext_lazy(
            "Once a second person has agreed, a link goes to the address of the account. With it, its owner chooses a "
            "new password and sets up another device."
        ),
        act=_ask_recovery,
        possible=lambda row: row.is_active and colleagues.has_joined(row),
        **_COMMON,
    ),
    ColleagueAction(
        name="end-sign-ins",
        title=gettext_lazy("Sign out everywhere"),
        act=_end_sign_ins,
        **_COMMON,
    ),
    ColleagueAction(
        name="close",
        title=gettext_lazy("Close the account"),
        explanation=gettext_lazy("What this person did stays named. The account can be opened again."),
        act=_close,
        possible=lambda row: row.is_active,
        dangerous=True,
        **_COMMON,
    ),
    ColleagueAction(
        name="open",
        title=gettext_lazy("Open the account"),
        act=_open,
        possible=lambda row: not row.is_active,
        **_COMMON,
    ),
)
