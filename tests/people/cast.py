"""The people of the tests: signed in, with their role and their second factor just proved."""

import time
from datetime import timedelta

from django.test import Client
from django.utils import timezone
from django_otp.oath import TOTP

from payments.people.models import Role, SecondFactor, SignIn, User
from payments.people.services import sign_ins


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


def finance_of(merchant_id: str) -> User:
    """The one in finance who did not ask: releases transfers, and agrees to what others want."""
    user = User.objects.filter(username=f"finance of {merchant_id}").first()
    if user is None:
        return person(f"finance of {merchant_id}", merchant_id)
    user.second_factor_at = timezone.now()
    return user


def signed_in(user: User, *, proved: bool = True) -> Client:
    """A browser in which this person has signed in, with a second factor; `proved`: within the last minutes."""
    return enter(Client(), user, proved=proved)


def enter(client: Client, user: User, *, proved: bool = True) -> Client:
    """Sign this person in, in a browser that there is."""
    client.force_login(user)
    row = SignIn.objects.create(user=user, address="127.0.0.1", browser="a test")
    session = client.session
    session[sign_ins.SESSION_KEY] = row.id
    session.save()
    prove(user, client, at_hours_ago=0 if proved else 1)
    return client


def prove(user: User, client: Client, *, at_hours_ago: int = 0) -> None:
    """Prove the second factor in this browser, as its page does."""
    SecondFactor.objects.get_or_create(user=user, defaults={"name": "app"})
    proved_at = timezone.now() - timedelta(hours=at_hours_ago)
    SignIn.objects.filter(id=client.session[sign_ins.SESSION_KEY]).update(second_factor_at=proved_at)


def code(user: User, steps: int = 0) -> str:
    """What this person's app shows: the next code that was not used yet, or some half minutes later."""
    factor = SecondFactor.objects.get(user=user)
    return shown(factor.key, max(int(time.time()) // 30, factor.last_step + 1) + steps)


def shown(key: str, step: int | None = None) -> str:
    """What an app with this key (hexadecimal) shows, now or in that half minute."""
    totp = TOTP(bytes.fromhex(key))
    totp.time = time.time() if step is None else step * 30
    return f"{totp.token():06d}"
