"""The one gate before sensitive actions: the admin, the API and commands all pass it, in the service that acts.

`check` asks whether this actor may do this there, now. `waits` asks whether another person has to agree first; if so,
`propose` keeps what was asked until somebody decides (`payments.people.services.approvals`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from django.db import IntegrityError, models, transaction

from payments.errors import Conflict, Forbidden, NotFound
from payments.ids import PATTERN
from payments.people.actions import RULES, Action, SecondPerson
from payments.people.actors import Actor, Caller, name_of
from payments.people.models import Approval, User
from payments.people.permissions import may
from payments.people.services import approvals, audit_log


class Rules(Protocol):
    """What the gate has to know of a merchant, which stands a floor higher."""

    @property
    def id(self) -> str: ...
    @property
    def test_mode(self) -> bool: ...
    @property
    def second_person_above(self) -> int | None: ...
    @property
    def decides_alone_from(self) -> datetime | None: ...


def check(action: Action, *, by: Actor, merchant_id: str | None, channel_id: str | None = None) -> None:
    """Refuse whoever may not do this there, or has not just proved who they are; a refusal stands in the audit log.

    A text as `by` is Onetill itself (a task, a device, a command on the server) and passes. The id of a person or of
    a key is none: it proves nothing.

    Raises:
        Forbidden: `role_missing`, `second_factor_required`, `person_required`, `scope_missing`, `channel_not_allowed`.
        NotFound: a key of another merchant.
    """
    try:
        _check(action, by, merchant_id, channel_id)
    except Forbidden as refusal:
        _note_refusal(action, refusal.code, by=by, merchant_id=merchant_id)
        raise


def waits(action: Action, *, by: Actor, merchant: Rules, amount: int = 0) -> bool:
    """Tell whether another person has to agree; `amount` in minor units of the merchant's currency."""
    when = RULES[action].second_person
    if when == SecondPerson.LIVE:
        return not merchant.test_mode and not isinstance(by, str)
    if when == SecondPerson.ABOVE_LIMIT:
        return merchant.second_person_above is not None and abs(amount) > merchant.second_person_above
    return when == SecondPerson.ALWAYS


def propose(
    action: Action,
    *,
    subject: models.Model,
    by: Actor,
    merchant_id: str | None,
    channel_id: str | None = None,
    payload: Mapping[str, Any] | None = None,
    secrets: str | None = None,
) -> Approval:
    """Keep what was asked until another person decides. `payload` is shown to that person, `secrets` to nobody.

    Raises:
        Conflict: `approval_waiting`, when the same waits already.
    """
    try:
        with transaction.atomic():
            row = approvals.request(
                subject=subject,
                action=action,
                merchant_id=merchant_id,
                channel_id=channel_id,
                requested_by=name_of(by),
                payload=payload,
                secrets=secrets,
            )
    except IntegrityError as error:
        if "approval_open_once" not in str(error):
            raise
        raise Conflict(
            "approval_waiting", "An earlier request like this waits for a second person. Have it decided first."
        ) from error
    audit_log.write(actor=name_of(by), action=f"{action}.proposed", subject=row, merchant_id=merchant_id, after=payload)
    return row


def _check(action: Action, by: Actor, merchant_id: str | None, channel_id: str | None) -> None:
    rule = RULES[action]
    if isinstance(by, Caller):
        _check_key(action, by, merchant_id, channel_id)
    elif isinstance(by, User):
        if not may(by, rule.needs, merchant_id=merchant_id, channel_id=channel_id):
            raise Forbidden("role_missing", "Your role does not allow this. Ask an owner, or finance.")
        if rule.fresh_factor:
            approvals.require_second_factor(by)
    elif PATTERN.fullmatch(by) and by.startswith(("usr_", "key_")):
        raise TypeError("pass the signed-in user or the caller: an id alone proves nothing")


def _check_key(action: Action, key: Caller, merchant_id: str | None, channel_id: str | None) -> None:
    scope = RULES[action].scope
    if scope is None:
        raise Forbidden("person_required", "No API key may do this. A person does it, signed in to the admin.")
    key.require(scope)
    if key.merchant_id != merchant_id:
        raise NotFound
    if key.channel_id is not None and key.channel_id != channel_id:
        raise Forbidden("channel_not_allowed", "This key is tied to one channel, and this is not its own.")


def _note_refusal(action: Action, code: str, *, by: Actor, merchant_id: str | None) -> None:
    """Somebody at a door that is not theirs; lost only where the caller's own transaction is."""
    if isinstance(by, User):
        audit_log.write(
            actor=by.id, action="gate.refused", subject=by, merchant_id=merchant_id, after={"of": action, "code": code}
        )
