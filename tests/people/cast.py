"""The people of the tests: signed in, with their role and their second factor just proved."""

from django.utils import timezone

from payments.people.models import Role, User


def person(
    name: str,
    merchant_id: str,
    *,
    role: Role.Name = Role.Name.FINANCE,
    channel_id: str | None = None,
    proved: bool = True,
) -> User:
    """Somebody with a role at a merchant, or in one channel of it."""
    user = User.objects.create_user(name)
    Role.objects.create(user=user, merchant_id=merchant_id, channel_id=channel_id, role=role)
    user.second_factor_at = timezone.now() if proved else None
    return user
