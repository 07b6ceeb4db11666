"""The names and moments the simulator gives: never digits alone, so that none can pass for a card number."""

import base64
import secrets
from datetime import UTC, datetime


def reference(kind: str) -> str:
    """Return a fresh name, as `sim_pay_k3j4q7xw2m5n6p7a`."""
    return f"sim_{kind}_{base64.b32encode(secrets.token_bytes(10)).decode().lower()}"


def moment() -> datetime:
    """Return now, in UTC."""
    return datetime.now(UTC)


def written(at: datetime) -> str:
    """Return a moment as RFC 3339 with `Z`, always of the same length so that it sorts as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
