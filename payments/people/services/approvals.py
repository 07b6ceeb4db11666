"""Approvals: requested for sensitive actions, decided by another person, never by an API key."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from payments import audit_log
from payments.core.errors import Conflict, Forbidden, NotFound
from payments.people.actions import RULES, Action
from payments.people.models import Approval, User
from payments.people.permissions import holders, may, within
from payments.people.services import second_person

SECOND_FACTOR_LASTS: Final = timedelta(minutes=15)
MOST_WAITING: Final = 500  # requests looked through for one person; decided ones make room


def request(
    *,
    subject: models.Model,
    action: str,
    merchant_id: str | None,
    channel_id: str | None,
    requested_by: str,
    payload: Mapping[str, Any] | None = None,
    secrets: str | None = None,
    also: Collection[str] = (),
) -> Approval:
    """Ask for a second person, in the transaction that makes what waits for it.

    `also` are others who requested what it is about: neither they nor the requester decide.
    """
    row = Approval(
        merchant_id=merchant_id,
        channel_id=channel_id,
        subject_type=getattr(subject, "OBJECT", type(subject).__name__.lower()),
        subject_id=subject.pk,
        action=action,
        requested_by=requested_by,
        behind=sorted({name for each in (requested_by, *also) for name in second_person.behind(each)}),
        payload=dict(payload or {}),
        secrets=secrets,
    )
    row.save(force_insert=True)
    return row


def withdraw(*, subject_id: str, action: str, actor: str) -> None:
    """Withdraw a request that was given up."""
    for row in Approval.objects.select_for_update().filter(subject_id=subject_id, action=action, decision=None):
        row.decision, row.decided_at, row.secrets = Approval.Decision.WITHDRAWN, timezone.now(), None
        row.save(update_fields=["decision", "decided_at", "secrets"])
        audit_log.write(actor=actor, action=f"{action}.withdrawn", subject=row, merchant_id=row.merchant_id)


def decide(
    *, subject_id: str, action: str, user: User, approved: bool, note: str, alone_from: datetime | None = None
) -> Approval:
    """Record the second person's decision, in the transaction that acts on it; `secrets` are on the row returned.

    `alone_from` is since when the merchant lets one person decide where there is no other (`decides_alone_from`).

    Raises:
        Conflict: `approval_not_open`, when there is no request or it is decided.
        Forbidden: `own_request`, when the person, or a key of theirs, made the request, whatever their role;
            `not_independent`, when the requester changed their account shortly before;
            `permission_missing`, when they may not decide this;
            `second_factor_required`, when they have not just given their second factor.
    """
    # Locked: the later of two decisions at once finds nothing open.
    row = Approval.objects.select_for_update().filter(subject_id=subject_id, action=action, decision=None).first()
    if row is None:
        raise Conflict("approval_not_open", "Nothing waits for a second person here.")
    # A key may have been rolled since its request; nobody who stood behind it then is behind it no longer.
    row.behind = sorted({*row.behind, *second_person.behind(row.requested_by)})
    row.alone = _check(row, user, alone_from)
    # The stored secrets end with the decision; the caller still needs them, so the row in memory gets them back below.
    secrets, row.secrets = row.secrets, None
    row.decided_by, row.decided_at, row.note = user, timezone.now(), note
    row.decision = Approval.Decision.APPROVED if approved else Approval.Decision.REJECTED
    row.save(update_fields=["behind", "alone", "secrets", "decided_by", "decided_at", "note", "decision"])
    after = {"alone": True} if row.alone else None
    audit_log.write(
        actor=user.id, action=f"{action}.{row.decision}", subject=row, merchant_id=row.merchant_id, after=after
    )
    row.secrets = secrets
    return row


class Decider(Protocol):
    """Carries out what a second person decided (`APPROVAL_ACTIONS` in the settings names one for each action).

    It calls `decide` in its own transaction, and returns a secret that carrying it out has made, if any: it is stored
    nowhere, so that this person is the only one who can be shown it.
    """

    def __call__(self, subject_id: str, /, *, user: User, approved: bool, note: str) -> str | None: ...


def settle(*, approval_id: str, user: User, approved: bool, note: str) -> str | None:
    """Decide, and have the requesting service carry it out; return a secret that this made, as `Decider`.

    Raises:
        NotFound: no such approval.
        Conflict, Forbidden: as `decide`, and as what it is about says.
    """
    row = Approval.objects.filter(id=approval_id).first()
    if row is None:
        raise NotFound
    decider: Decider = import_string(settings.APPROVAL_ACTIONS[row.action])
    with transaction.atomic():
        return decider(row.subject_id, user=user, approved=approved, note=note)


def refusal(row: Approval, user: User, *, alone_from: datetime | None) -> Forbidden | None:
    """Why this person could not decide about this, a second factor aside; None where they could."""
    try:
        _check(row, user, alone_from)
    except Forbidden as refused:
        return refused if refused.code != "second_factor_required" else None
    return None


def undecided_for(user: User, *, merchants: Collection[str]) -> list[Approval]:
    """What others request at these merchants and this person's role may decide, the oldest first."""
    rows = Approval.objects.filter(merchant_id__in=merchants, decision=None).order_by("requested_at")
    return [
        row
        for row in rows[:MOST_WAITING]
        if user.id not in row.behind
        and may(user, RULES[Action(row.action)].decides, merchant_id=row.merchant_id, channel_id=row.channel_id)
    ]


def decidable_by(user: User) -> Q:
    """The undecided requests that this person's roles let them decide, and that are not their own."""
    reach = Q(pk__in=[])
    for what in {rule.decides for rule in RULES.values()}:
        actions = [action for action, rule in RULES.items() if rule.decides == what]
        reach |= within(user, what) & Q(action__in=actions)
    return reach & Q(decision=None) & ~Q(behind__contains=[user.id])


def nobody_else(action: str, *, merchant_id: str, channel_id: str | None, but: str) -> bool:
    """Tell whether no other person has a role at this merchant that could decide about this."""
    others = holders(RULES[Action(action)].decides, merchant_id=merchant_id, channel_id=channel_id)
    return all(user.id == but for user in others)


def has_recent_second_factor(user: User) -> bool:
    """Tell whether this person has just proved who they are, in the session they act from."""
    proved = user.second_factor_at
    return proved is not None and timezone.now() - proved < SECOND_FACTOR_LASTS


def require_second_factor(user: User | str) -> None:
    """Raise Forbidden unless this person has just proved who they are; an id has proved nothing."""
    if isinstance(user, str) or not has_recent_second_factor(user):
        raise Forbidden("second_factor_required", "Prove with your second factor who you are, then try again.")


def _check(row: Approval, user: User, alone_from: datetime | None) -> bool:
    """Refuse a person who may not decide; return whether they decide their own request, since nobody else can."""
    own = user.id in row.behind
    if own and not _may_decide_alone(row, user, alone_from):
        raise Forbidden("own_request", "A second person has to decide; this is your own request, or your own key's.")
    if not may(user, RULES[Action(row.action)].decides, merchant_id=row.merchant_id, channel_id=row.channel_id):
        raise Forbidden(
            "permission_missing", "You may not decide about this. Ask an owner of that merchant, or finance."
        )
    if not own and second_person.in_hand_of(row.behind, user_id=user.id, requested_at=row.requested_at):
        raise Forbidden(
            "not_independent",
            "The requester made or changed your account shortly before. Another person has to decide.",
        )
    require_second_factor(user)
    return own


def _may_decide_alone(row: Approval, user: User, alone_from: datetime | None) -> bool:
    if alone_from is None or alone_from > timezone.now() or row.merchant_id is None:
        return False
    return nobody_else(row.action, merchant_id=row.merchant_id, channel_id=row.channel_id, but=user.id)
