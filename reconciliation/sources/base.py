"""The protocol of a source: a provider whose API lists what is in a payout. No ORM here.

A source translates a payout to a file in a format of `SETTLEMENT_FORMATS`, which is stored as evidence and imported
like an upload. Adding one takes a module with a class that implements `Source`, its dotted path in `SETTLEMENT_SOURCES`
(settings), and a test against the provider's fake. Payouts to be read are announced by the provider's webhook
(`WebhookEvent.announces`), or found by `recent` if the webhook was lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from payments.core.errors import OnetillError
from payments.providers.base import Credentials


class SourceUnavailable(OnetillError):
    """The provider did not answer, or refused the request: try again later."""

    status = 503
    title = "Source unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__("source_unavailable", detail)


@dataclass(frozen=True, slots=True)
class PayoutState:
    """A payout's state at the provider. `complete` is None if the provider never lists what is in it."""

    complete: bool | None
    failed: bool = False


class Source(Protocol):
    """One provider's account of its payouts. Instances are stateless and shared between threads."""

    code: ClassVar[str]  # the provider's
    format: ClassVar[str]  # of what it writes

    def look(self, reference: str, credentials: Credentials) -> PayoutState:
        """Fetch the state of a payout.

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
        """Return the references of complete payouts made since then, for those whose webhook was lost.

        Raises:
            SourceUnavailable: no answer.
        """
        ...
