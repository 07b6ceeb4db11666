"""Notify the owners of a merchant of changed money rules and bank accounts, and of requests to change them."""

from collections.abc import Sequence
from typing import TypeAlias

from django.utils.functional import Promise, lazy
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy

from payments.models import Channel, Merchant, ProviderAccount, RefundRule
from payments.people.actors import Actor
from payments.people.models import Approval
from payments.people.services import notices
from payments.people.services.notices import Notice

Row: TypeAlias = Merchant | Channel | ProviderAccount

_NAMES = {"credentials": gettext_lazy("credentials"), "decides_alone_from": gettext_lazy("deciding alone")}


def requested(approval: Approval, names: Sequence[str], row: Row, *, by: Actor) -> None:
    """Notify them that a change of these settings waits for approval."""
    assert approval.merchant_id is not None, "settings are a merchant's"
    _notify(Notice.SETTINGS_REQUESTED, row, names, merchant_id=approval.merchant_id, by=by)


def changed(row: Row, names: Sequence[str], *, merchant: Merchant, by: Actor) -> None:
    """Notify them that these settings were changed."""
    _notify(Notice.SETTINGS_CHANGED, row, names, merchant_id=merchant.id, by=by)


def refund_rule_changed(rule: RefundRule, *, by: Actor) -> None:
    """Notify them of a refund rule that was added or has ended."""
    owners = notices.owners(rule.merchant_id)
    what: str | Promise = lazy(lambda: gettext("Refund rule “%(rule)s”") % {"rule": rule.name}, str)()
    notices.send(owners, Notice.SETTINGS_CHANGED, about=rule, merchant_id=rule.merchant_id, by=by, what=what)


def name_of_setting(row: Row, name: str) -> str:
    """What a setting is called, as its form calls it."""
    return str(_NAMES.get(name) or row._meta.get_field(name).verbose_name)  # type: ignore[union-attr]


def _notify(notice: Notice, row: Row, names: Sequence[str], *, merchant_id: str, by: Actor) -> None:
    owners = notices.owners(merchant_id)
    notices.send(owners, notice, about=row, merchant_id=merchant_id, by=by, what=_called(row, names))


def _called(row: Row, names: Sequence[str]) -> str | Promise:
    """The row and its settings by name, in the reader's language."""

    def called() -> str:
        settings = ", ".join(name_of_setting(row, name) for name in names)
        return gettext("%(settings)s of %(row)s") % {"settings": capfirst(settings), "row": row.name}

    text: str | Promise = lazy(called, str)()
    return text
