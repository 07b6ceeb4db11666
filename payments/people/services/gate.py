"""The one gate before sensitive actions: the admin, the API and commands all pass it, in the service that acts.

`check` asks whether this actor may do this there, now. `waits` tells whether another person has to approve
first; if so, `propose` stores the request until a person decides (`payments.people.services.approvals`).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Protocol

from django.db import IntegrityError, models, transaction

from payments import audit_log
from payments.core.errors import Conflict, Forbidden, NotFound
from payments.people.actions import RULES, Action, Rule, SecondPerson
from payments.people.actors import Actor, Caller, name_of
from payments.people.models import Approval, User
from payments.people.services import approvals, authority


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
    """Refuse an actor without permission or without a fresh second factor; the audit log keeps the refusal.

    A name as `by` is Onetill itself (a task, a device, a command on the server) and passes; the id of a person or of a
    key is that person or key, without any proof. Call it before the action's transaction begins: the note of a refusal
    must not be rolled back with it.

    Raises:
        Forbidden: `permission_missing`, `second_factor_required`, `person_required`, `scope_missing`,
            `channel_not_allowed`.
        NotFound: a key of another merchant.
    """
    try:
        if isinstance(by, Caller):
            _check_key(RULES[action], by, merchant_id, channel_id)
        else:
            _check_person(RULES[action], by, merchant_id, channel_id)
    except Forbidden:
        authority.note_refusal(actor=name_of(by), action=action, merchant_id=merchant_id, channel_id=channel_id)
        raise


def waits(action: Action, *, by: Actor, merchant: Rules, amount: int = 0) -> bool:
    """Tell whether another person has to approve; `amount` in minor units of the merchant's currency."""
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
    also: Collection[str] = (),
) -> Approval:
    """Store a request until another person decides. `payload` is shown to that person, `secrets` to nobody.

    `also` are others who requested what it is about, and cannot decide either.

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
                also=also,
            )
    except IntegrityError as error:
        # The index decides between two who propose at once; any other violation is a defect.
        if "approval_open_once" not in str(error):
            raise
        raise Conflict(
            "approval_waiting", "An earlier request like this waits for a second person. Have it decided first."
        ) from error
    audit_log.write(actor=name_of(by), action=f"{action}.proposed", subject=row, merchant_id=merchant_id, after=payload)
    return row


def _check_person(rule: Rule, by: User | str, merchant_id: str | None, channel_id: str | None) -> None:
    """Roles by what the database says of the person now; the proof by the session in which they act."""
    name = name_of(by)
    if name.startswith(authority.KEY) and rule.scope is None:
        raise _person_required()
    if not authority.reaches(name, rule.needs, merchant_id, channel_id):
        raise Forbidden("permission_missing", "You may not do this there. Ask an owner of that merchant.")
    if rule.fresh_factor and name.startswith(authority.PERSON):
        approvals.require_second_factor(by)


def _check_key(rule: Rule, key: Caller, merchant_id: str | None, channel_id: str | None) -> None:
    if rule.scope is None:
        raise _person_required()
    key.require(rule.scope)
    # Not Forbidden: that another merchant's object exists is nothing this key should learn.
    if key.merchant_id != merchant_id:
        raise NotFound
    if key.channel_id is not None and key.channel_id != channel_id:
        raise Forbidden("channel_not_allowed", "This key is tied to one channel, and this is not its own.")


def _person_required() -> Forbidden:
    return Forbidden("person_required", "No API key may do this. A person does it, signed in to the admin.")
