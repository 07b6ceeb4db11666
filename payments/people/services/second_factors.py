"""Second factors: set one up, prove it, take it away."""

from django.db import transaction

from payments.people.models import SecondFactor, User
from payments.people.services import audit_log


def of(user: User) -> SecondFactor:
    """The person's second factor; where there is none, a new one that counts once its first code was right."""
    found: SecondFactor
    found, _ = SecondFactor.objects.get_or_create(user=user, defaults={"name": "app", "confirmed": False})
    return found


def prove(*, user: User, code: str) -> SecondFactor | None:
    """Check a code; a right one counts once, and confirms a new second factor. None: it is wrong, or came too soon."""
    with transaction.atomic():
        factor: SecondFactor | None = SecondFactor.objects.select_for_update().filter(user=user).first()
        if factor is None or not factor.verify_token(code.replace(" ", "")):
            return None
        if not factor.confirmed:
            factor.confirmed = True
            factor.save(update_fields=["confirmed"])
            audit_log.write(actor=user.id, action="second_factor.confirmed", subject=user, merchant_id=None)
    return factor


def take_away(*, user: User, actor: str) -> None:
    """Let a person who lost their device set up another."""
    with transaction.atomic():
        if SecondFactor.objects.filter(user=user).delete()[0]:
            audit_log.write(actor=actor, action="second_factor.taken_away", subject=user, merchant_id=None)
