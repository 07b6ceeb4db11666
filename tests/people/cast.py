"""The people of the tests: signed in, with their role and their second factor just proved."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from payments.people import middleware
from payments.people.models import Role, SecondFactor, User


def person(
    name: str,
    merchant_id: str,
    *,
    role: Role.Name = Role.Name.FINANCE,
    channel_id: str | None = None,
    proved: bool = True,
) -> User:
    """Somebody with a role at a merchant, or in one channel of it."""
    user = User.objects.create_user(name, is_staff=True)
    Role.objects.create(user=user, merchant_id=merchant_id, channel_id=channel_id, role=role)
    user.second_factor_at = timezone.now() if proved else None
    return user


def signed_in(user: User, *, proved: bool = True) -> Client:
    """A browser in which this person has signed in, with a second factor; `proved`: within the last minutes."""
    if not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    client = Client()
    client.force_login(user)
    prove(user, client, at_hours_ago=0 if proved else 1)
    return client


def prove(user: User, client: Client, *, at_hours_ago: int = 0) -> None:
    """Prove the second factor in this browser, as its page does."""
    factor, _ = SecondFactor.objects.update_or_create(user=user, defaults={"name": "app", "confirmed": True})
    session = client.session
    session["otp_device_id"] = factor.persistent_id
    session[middleware.SESSION_KEY] = (timezone.now() - timedelta(hours=at_hours_ago)).isoformat()
    session.save()
