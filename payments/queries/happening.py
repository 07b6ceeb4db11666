"""One line of the story of an order; floors above add lines of their own (`ORDER_STORIES` in config/registries.py)."""

from dataclasses import dataclass
from datetime import datetime

from payments.models import Channel


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the story."""

    at: datetime
    type: str
    channel: Channel
    actor: str
    amount: int
    currency: str
    object_id: str
    object_type: str
    operator: str = ""  # the person who decided, where one is named
    reason: str = ""
    cause: str = ""  # in our own words, which the readers' pages translate
