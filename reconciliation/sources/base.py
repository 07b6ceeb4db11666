"""The seam to providers that tell what they paid out when asked: one protocol, no ORM.

A source translates. What it reads it writes down as a file in a format of `SETTLEMENT_FORMATS`, which is kept as
evidence and imported like an upload. Adding one is three stops: a module with a class that implements `Source`, its
dotted path in `SETTLEMENT_SOURCES` (settings), and a test against the provider's fake. Which payout can be read,
the provider's own event tells (`Notice.announces`), or `recent` where an event got lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from payments.core.errors import OnetillError
from payments.providers.base import Credentials


class SourceUnavailable(OnetillError):
    """The provider could not be asked, or would not answer: ask again later."""

    status = 503
    title = "Source unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__("source_unavailable", detail)


@dataclass(frozen=True, slots=True)
class PayoutState:
    """What the provider says of one payout. `complete` is None where it never tells what is in it."""

    complete: bool | None
    failed: bool = False


class Source(Protocol):
    """One provider's account of its payouts. Instances are stateless and shared between threads."""

    code: ClassVar[str]  # the provider's
    format: ClassVar[str]  # of what it writes

    def look(self, reference: str, credentials: Credentials) -> PayoutState:
        """Ask how a payout stands.

        Raises:
            SourceUnavailable: no answer.
        """
        ...

    def lines(self, reference: str, credentials: Credentials) -> Iterator[bytes]:
        """Read a complete payout, as the lines of a file; the same ones at every reading.

        Raises:
            SourceUnavailable: no answer, at any point.
        """
        ...

    def recent(self, credentials: Credentials, since: datetime) -> list[str]:
        """The complete payouts made since then, for those whose event got lost.

        Raises:
            SourceUnavailable: no answer.
        """
        ...
