"""Staff without an account: added from the store's page, and given another starter code from their staff code's."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from payments.admin.base.actions import AdminAction
from payments.admin.base.forms import ActionForm
from payments.admin.setup.settings import ChannelAdmin
from payments.admin.setup.user_actions import MEANS
from payments.models import Channel
from payments.models.merchant import WITH_COUNTER
from payments.people.models import Role, User
from payments.people.permissions import May
from terminals.models import StaffCode
from terminals.services.counter.members import ROLES, NewMember, Started, add_member, give_starter_code


class MemberForm(ActionForm):
    """Who works here, and as what; nothing is chosen beforehand."""

    name = forms.CharField(
        label=gettext_lazy("name"), max_length=150, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=gettext_lazy("role"), widget=UnfoldAdminSelectWidget)
    language = forms.ChoiceField(label=gettext_lazy("language"), required=False, widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, row: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        roles: Any = self.fields["role"]
        roles.choices = [
            ("", _("choose …")),
            *((role.value, f"{capfirst(str(role.label))}: {MEANS[role]}") for role in ROLES),
        ]
        language: Any = self.fields["language"]
        language.choices = [("", _("as the browser asks")), *settings.LANGUAGES]


def _add(*, user: User, row: Channel, form: Any) -> str:
    given = form.cleaned_data
    member = NewMember(name=given["name"], role=Role.Name(given["role"]), language=given["language"])
    return _shown(add_member(member, channel=row, actor=user))


def _again(*, user: User, row: StaffCode, form: Any) -> str:
    return _shown(give_starter_code(row, actor=user))


def _shown(made: Started) -> str:
    code = f"{made.starter_code[:4]} {made.starter_code[4:]}"
    return _(
        "Starter code for %(person)s: %(code)s. It is shown only now, works once at a tablet or phone of this store "
        "and for a day; with it they choose a code of their own."
    ) % {"person": made.row, "code": code}


ADD_MEMBER = AdminAction(
    name="add-staff",
    title=gettext_lazy("Add a member of staff"),
    explanation=gettext_lazy(
        "For who signs in at the counter alone, without an account here. You get a code to hand over; what they "
        "request above their limit is then agreed to by somebody other than you."
    ),
    needs=May.MANAGE_TERMINALS,
    form=MemberForm,
    act=_add,
    possible=lambda row: row.active and row.kind in WITH_COUNTER,
    where=lambda row: (row.merchant_id, row.id),
    second_factor=True,
)
STARTER_CODE = AdminAction(
    name="starter-code",
    title=gettext_lazy("Give a starter code"),
    explanation=gettext_lazy("Their own code ends. With the one that you hand over they choose another, once."),
    needs=May.MANAGE_TERMINALS,
    act=_again,
    possible=lambda row: not row.user.is_staff,
    second_factor=True,
)
ChannelAdmin.offer(ADD_MEMBER)
