"""What may be set: of a merchant, a channel, a provider account."""

import json
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.base.actions import AdminAction
from payments.admin.sales.issue_voucher import ISSUE
from payments.admin.setup import refund_rules
from payments.admin.setup.setting_forms import (
    AccountForm,
    ChannelForm,
    MerchantForm,
    NewAccountForm,
    NewChannelForm,
)
from payments.admin.setup.user_actions import INVITE
from payments.core.errors import Invalid
from payments.models import Channel, Merchant, ProviderAccount
from payments.people.models import Approval, User
from payments.people.permissions import May
from payments.providers.base import Outcome
from payments.services import create_setup, decide_alone, update_setup
from payments.services.setting_approvals import request_provider_account
from payments.services.try_connection import can_be_tried, try_connection


def credential_names(row: ProviderAccount) -> list[str]:
    """What secrets are set, by their names."""
    return sorted(json.loads(row.credentials or "{}"))


def _change_merchant(*, user: User, row: Merchant, form: Any) -> str:
    return _result_message(update_setup.amend_merchant(row, changes=form.cleaned_data, actor=user))


def _change_channel(*, user: User, row: Channel, form: Any) -> str:
    return _result_message(update_setup.amend_channel(row, changes=form.cleaned_data, actor=user))


def _change_account(*, user: User, row: ProviderAccount, form: Any) -> str:
    changes = {name: value for name, value in form.cleaned_data.items() if name != "credentials"}
    return _result_message(
        update_setup.amend_provider_account(
            row, changes=changes, credentials=form.cleaned_data["credentials"], actor=user
        )
    )


def _try_connection(*, user: User, row: ProviderAccount, form: Any) -> str:
    result = try_connection(row, actor=user.id)
    if result.outcome is Outcome.SUCCEEDED:
        return _("The provider knows this account.")
    detail = result.detail or result.code or ""
    if result.outcome is Outcome.DECLINED:
        raise Invalid("connection_refused", _("The provider refused the credentials. %(detail)s") % {"detail": detail})
    raise Invalid("connection_failed", _("The provider did not answer. %(detail)s") % {"detail": detail})


def _new_channel(*, user: User, row: Merchant, form: Any) -> str:
    given = form.cleaned_data
    made = create_setup.create_channel(
        merchant=row, kind=given["kind"], name=given["name"], namespace=given["namespace"] or None, actor=user
    )
    return _("%(name)s is open.") % {"name": made.name}


def _new_account(*, user: User, row: Merchant, form: Any) -> str:
    made = request_provider_account(merchant=row, actor=user, **form.cleaned_data)
    return _result_message(made) if isinstance(made, Approval) else _("%(name)s is added.") % {"name": made.name}


def _decide_alone(*, user: User, row: Merchant, form: Any) -> str:
    return _result_message(decide_alone.switch(row, on=row.decides_alone_from is None, actor=user))


def _result_message(waiting: Approval | None) -> str:
    if waiting is None:
        return _("Saved.")
    return _("Nothing is changed yet: this waits for a second person.")


def _of_merchant(row: Merchant) -> tuple[str, str | None]:
    return row.id, None


def _of_all(row: Channel | ProviderAccount) -> tuple[str, str | None]:
    return row.merchant_id, None


_CHANGE = gettext_lazy("Change")
OF_MERCHANT = (
    AdminAction(
        name="set",
        title=_CHANGE,
        needs=May.MANAGE_SETTINGS,
        form=MerchantForm,
        act=_change_merchant,
        where=_of_merchant,
        second_factor=True,
    ),
    AdminAction(
        name="add-channel",
        title=gettext_lazy("Add a channel"),
        needs=May.MANAGE_SETTINGS,
        form=NewChannelForm,
        act=_new_channel,
        where=_of_merchant,
    ),
    AdminAction(
        name="add-account",
        title=gettext_lazy("Add a provider account"),
        needs=May.MANAGE_SETTINGS,
        form=NewAccountForm,
        act=_new_account,
        where=_of_merchant,
        second_factor=True,
    ),
    AdminAction(
        name="decide-alone",
        title=gettext_lazy("Let one person decide alone"),
        explanation=gettext_lazy(
            "For a shop of one. Where nobody else has a role that could agree, the person who asks may decide about "
            "their own requests. It stands on every page of the admin and beside each such decision, and the owners "
            "are told. For a live merchant it counts from a day later."
        ),
        needs=May.MANAGE_SETTINGS,
        act=_decide_alone,
        possible=lambda row: row.decides_alone_from is None,
        where=_of_merchant,
        dangerous=True,
        second_factor=True,
    ),
    AdminAction(
        name="decide-together",
        title=gettext_lazy("Always ask a second person again"),
        needs=May.MANAGE_SETTINGS,
        act=_decide_alone,
        possible=lambda row: row.decides_alone_from is not None,
        where=_of_merchant,
        second_factor=True,
    ),
    *refund_rules.OF_MERCHANT,
    INVITE,
)
OF_CHANNEL = (
    ISSUE,
    AdminAction(
        name="set",
        title=_CHANGE,
        needs=May.MANAGE_SETTINGS,
        form=ChannelForm,
        act=_change_channel,
        where=_of_all,
        second_factor=True,
    ),
)
OF_ACCOUNT = (
    AdminAction(
        name="try",
        title=gettext_lazy("Try the connection"),
        explanation=gettext_lazy("Signs in to the provider with these credentials. No money is moved."),
        needs=May.MANAGE_SETTINGS,
        act=_try_connection,
        possible=can_be_tried,
        where=_of_all,
    ),
    AdminAction(
        name="set",
        title=_CHANGE,
        needs=May.MANAGE_SETTINGS,
        form=AccountForm,
        act=_change_account,
        where=_of_all,
        second_factor=True,
    ),
)
