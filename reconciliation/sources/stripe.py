"""Stripe's payouts: the balance transactions of each, read through its SDK and written down without personal data."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec
import stripe

from payments.providers.base import Credentials
from payments.providers.payload import Payload, part, text
from payments.providers.stripe.client import client, unusable_key
from reconciliation.sources.base import PayoutState, SourceUnavailable

PAGE: Final = 100
_FAILED: Final = frozenset({"failed", "canceled"})
_COMPLETE: Final = {"completed": True, "in_progress": False}
_PAYOUT: Final = ("id", "amount", "currency", "arrival_date", "created", "status", "automatic")
_TRANSACTION: Final = (
    *("id", "type", "reporting_category", "amount", "fee", "net", "currency", "exchange_rate", "created"),
    *("available_on", "fee_details"),
)
_SOURCE: Final = ("id", "object", "payment_intent", "charge", "amount", "currency")
_OURS: Final = "onetill_"


class StripePayouts:
    """Only automatic payouts can be read: of a manual one Stripe does not know what is in it."""

    code: ClassVar[str] = "stripe"
    format: ClassVar[str] = "stripe_payout"

    def look(self, reference: str, credentials: Credentials) -> PayoutState:
        """Whether its list is complete, and whether the bank sent it back."""
        with _client(credentials) as api:
            payout = api.payouts.retrieve(reference).to_dict()
        complete = _COMPLETE.get(text(payout, "reconciliation_status") or "")
        return PayoutState(complete, failed=text(payout, "status") in _FAILED)

    def lines(self, reference: str, credentials: Credentials) -> Iterator[bytes]:
        """The payout, its balance transactions with what each is about, and how many there were."""
        with _client(credentials) as api:
            count = 0
            yield _line({"object": "payout", **_only(api.payouts.retrieve(reference).to_dict(), _PAYOUT)})
            wanted = {"payout": reference, "limit": PAGE, "expand": ["data.source"]}
            for row in api.balance_transactions.list(wanted).auto_paging_iter():
                count += 1
                yield _line(_transaction(row.to_dict()))
            yield _line({"object": "end", "count": count})

    def recent(self, credentials: Credentials, since: datetime) -> list[str]:
        """Those made since then whose lists are complete."""
        with _client(credentials) as api:
            wanted = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
            listed = [row.to_dict() for row in api.payouts.list(wanted).auto_paging_iter()]
        return [row["id"] for row in listed if _COMPLETE.get(row.get("reconciliation_status") or "")]


@contextmanager
def _client(credentials: Credentials) -> Iterator[Any]:
    """Yield the account's client; every error of the SDK becomes SourceUnavailable."""
    unusable = unusable_key(credentials)
    if unusable is not None:
        raise SourceUnavailable(unusable[1])
    try:
        yield client(credentials).v1
    except stripe.StripeError as error:
        raise SourceUnavailable(error.user_message or type(error).__name__) from error


def _transaction(row: Payload) -> dict[str, Any]:
    """Return a balance transaction with the references it is matched by, without the card holder's personal data."""
    source = part(row, "source")
    about = _only(source, _SOURCE)
    named = {name: value for name, value in part(source, "metadata").items() if name.startswith(_OURS)}
    return {
        "object": "balance_transaction",
        **_only(row, _TRANSACTION),
        "source": {**about, "metadata": named} if about else text(row, "source"),
    }


def _only(obj: Payload, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: obj[name] for name in names if obj.get(name) is not None}


def _line(obj: dict[str, Any]) -> bytes:
    return msgspec.json.encode(obj) + b"\n"
