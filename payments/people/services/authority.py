"""Whether the one who acts may do so where they chose to; a try that may not stands in the audit log.

A form offers a person only what is theirs. That is a courtesy: whatever its choices came from, the service that makes
the row asks here again, by what the database says of the person now.
"""

from typing import Final

from payments.core.errors import Forbidden
from payments.people.models import ApiKey, AuditLog, User
from payments.people.permissions import May, may

PERSON: Final = "usr_"
KEY: Final = "key_"


def require(*, actor: str, what: May, merchant_id: str, channel_id: str | None, action: str) -> None:
    """Refuse an action to a person whose roles, or a key whose merchant or channel, do not cover it.

    `channel_id` None means the merchant as a whole. `action` is the action's name in the audit log once it is
    done. The installation's own actors (commands, workers) may do everything. Call it before the action's transaction
    begins: the note of the failed try must not be rolled back with it.

    Raises:
        Forbidden: `permission_missing`.
    """
    if reaches(actor, what, merchant_id, channel_id):
        return
    note_refusal(actor=actor, action=action, merchant_id=merchant_id, channel_id=channel_id)
    raise Forbidden("permission_missing", "You may not do this there. Ask an owner of that merchant.")


def require_of_person(*, actor: str, what: May, merchant_id: str, channel_id: str | None, action: str) -> None:
    """`require` for people only, on busy paths: a key's merchant and channel were checked when it signed in."""
    if actor.startswith(PERSON):
        require(actor=actor, what=what, merchant_id=merchant_id, channel_id=channel_id, action=action)


def note_refusal(
    *, actor: str, action: str, merchant_id: str | None, channel_id: str | None = None, chosen: str = ""
) -> None:
    """Log a refused attempt; `chosen` is the id that the caller sent without having access to it."""
    AuditLog.objects.create(
        actor=actor,
        action=f"{action}.refused",
        object_type="channel" if channel_id else "merchant" if merchant_id else "installation",
        object_id=channel_id or merchant_id or "",
        merchant_id=merchant_id,
        after={"chosen": chosen} if chosen else None,
    )


def reaches(actor: str, what: May, merchant_id: str | None, channel_id: str | None) -> bool:
    """Tell whether this person's roles, or this key, reach that far now; `merchant_id` None: the installation."""
    if actor.startswith(PERSON):
        user = User.objects.prefetch_related("roles").filter(id=actor).first()
        return user is not None and may(user, what, merchant_id=merchant_id, channel_id=channel_id)
    if actor.startswith(KEY):
        key = ApiKey.objects.filter(id=actor, merchant_id=merchant_id).first()
        return key is not None and (key.channel_id is None or key.channel_id == channel_id)
    return True
