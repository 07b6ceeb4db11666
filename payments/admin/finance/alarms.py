"""Work that waits for a person, as the first page shows it; the floors above add theirs (`ALARMS` in the settings)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from payments.admin.base import render
from payments.admin.base.addresses import list_url
from payments.queries.attention import Waiting


@dataclass(frozen=True, slots=True)
class Alarm:
    """One kind of work that waits for a person."""

    text: Any
    count: int
    age: str
    link: str
    urgent: bool = False


def alarm(
    text: str, waiting: Waiting, now: datetime, model: type[Model], filters: dict[str, str], *, urgent: bool = False
) -> Alarm:
    """What waits, with the age of the oldest and the way to the list of all."""
    since = render.age(now - waiting.since) if waiting.since else ""
    return Alarm(text, waiting.count, since, list_url(model, **filters), urgent)
