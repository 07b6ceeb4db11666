"""Who stands at the demo's counter: a clerk with a staff code, and a pairing code for one more tablet or phone."""

import secrets
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from config.sandbox.demo.cast import Cast
from payments.core.errors import ValidationFailed
from payments.models import Channel
from payments.people.models import Role, User
from terminals.models import CounterBrowser
from terminals.services.counter.pair import offer
from terminals.services.counter.staff_codes import SHORTEST, choose

BY: Final = "system:demo"
CLERK: Final = "demo-clerk"
LABEL: Final = "Demo"


def shown(cast: Cast) -> dict[str, str]:
    """Where the counter's page is, and codes that are made anew at each start: for pairing, and for the clerk."""
    store = Channel.objects.select_related("merchant").get(id=cast.store)
    clerk = _clerk(store)
    CounterBrowser.objects.filter(channel=store, label=LABEL, paired_at=None).delete()  # of starts before this one
    paired_by = offer(channel=store, label=LABEL, actor=BY).pairing_code
    return {
        "address": f"{settings.PUBLIC_URL}{reverse('counter')}",
        "pairing_code": paired_by,
        "person": clerk.get_full_name(),
        "code": _code(clerk, store),
    }


def _clerk(store: Channel) -> User:
    """Somebody who signs in at the counter alone: without a password, and so nowhere else."""
    clerk, made = User.objects.get_or_create(username=CLERK, defaults={"first_name": "Anna", "last_name": "Demo"})
    if made:
        clerk.set_unusable_password()
        clerk.save()
    Role.objects.get_or_create(user=clerk, merchant_id=store.merchant_id, channel_id=store.id, role=Role.Name.CLERK)
    return clerk


def _code(clerk: User, store: Channel) -> str:
    # The demo stands for the clerk: nobody else could have proved that second factor.
    clerk.second_factor_at = timezone.now()
    while True:
        code = f"{secrets.randbelow(10**SHORTEST):0{SHORTEST}d}"
        try:
            choose(user=clerk, channel=store, code=code)
        except ValidationFailed:  # one that everybody tries first
            continue
        return code
