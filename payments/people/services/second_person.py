"""Independence of a second person: neither the requester, who made their key or code, nor an account of theirs."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from payments.people.models import ApiKey, AuditLog

# An account that was made, or whose factor, role or password was changed, within this time before the request is no
# independent person from the one who did so.
INDEPENDENT_AFTER: Final = timedelta(days=1)
# What the audit log calls it when a manager gives somebody without an account of their own a way in at the counter.
STARTER_CODE_GIVEN: Final = "staff_code.given"


def behind(requested_by: str) -> list[str]:
    """The people and keys that stand behind a request: a person; or a key, its whole chain, and who made each.

    Behind a person who signs in at the counter alone stands whoever gave them a starter code, too: nobody else has
    ever seen that there is such a person.
    """
    if requested_by.startswith("usr_"):
        given = AuditLog.objects.filter(object_id=requested_by, action=STARTER_CODE_GIVEN, actor__startswith="usr_")
        return sorted({requested_by, *given.values_list("actor", flat=True)})
    if not requested_by.startswith("key_"):
        return []
    chain = _chain(requested_by)
    makers = {key.created_by for key in chain if key.created_by.startswith("usr_")}
    return sorted(makers | {key.id for key in chain} | {requested_by})


def in_hand_of(askers: Iterable[str], *, user_id: str, requested_at: datetime) -> bool:
    """Tell whether one of `askers` changed something about this person's account, directly or through others.

    The audit log knows: it only grows, and each change of an account by another person is in it with the account
    as its object.
    """
    since = requested_at - INDEPENDENT_AFTER
    wanted, seen, reached = set(askers), {user_id}, {user_id}
    while reached:
        changes = AuditLog.objects.filter(object_id__in=reached, object_type="user", at__gte=since)
        actors = set(changes.exclude(actor__in=seen).values_list("actor", flat=True))
        if actors & wanted:
            return True
        reached = {actor for actor in actors if actor.startswith("usr_")}
        seen |= reached
    return False


def _chain(key_id: str) -> list[ApiKey]:
    """Return all keys that were rolled from each other, given any of them."""
    found: dict[str, ApiKey] = {}
    wanted = {key_id}
    while wanted:
        near = ApiKey.objects.filter(Q(id__in=wanted) | Q(predecessor_id__in=wanted))
        fresh = {key.id: key for key in near if key.id not in found}
        found |= fresh
        wanted = {*fresh, *(key.predecessor_id for key in fresh.values() if key.predecessor_id)}
    return list(found.values())
