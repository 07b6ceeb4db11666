"""One SDK client per provider account: its own key and timeouts, no retries, and nothing in any log.

The SDK's module-wide `api_key` is never set, so that accounts cannot be mistaken for one another. Retries are ours to
make: `payments.services.recover` asks first and repeats under the same key only.
"""

import logging
import os
from functools import lru_cache
from typing import Final

import httpx
import stripe
from django.conf import settings

from payments.providers.base import Credentials

CONNECT_SECONDS: Final = 3.0
READ_SECONDS = 20.0  # with the others together below the 30 seconds for which an operation is claimed
_LIVE_KEYS: Final = ("sk_live_", "rk_live_")
_TEST_KEYS: Final = ("sk_test_", "rk_test_")

# What the SDK logs below this holds e-mail addresses and client secrets.
logging.getLogger("stripe").setLevel(logging.WARNING)


def client(credentials: Credentials) -> stripe.StripeClient:
    """The client of one account; `stripe_account` among its secrets names a connected account."""
    secrets = credentials.secrets
    # By process, too: connections of before a fork must not be used on both sides of it.
    return _client(settings.STRIPE_API_BASE, secrets["secret_key"], secrets.get("stripe_account"), os.getpid())


def unusable_key(credentials: Credentials) -> tuple[str, str] | None:
    """Code and detail for the operator where an account's key is missing, or of the other mode."""
    key = credentials.secrets.get("secret_key") or ""
    if not key.isascii() or not key.isprintable() or not key.strip():
        return "credentials_missing", "This provider account has no secret_key; add it to its credentials."
    if credentials.test_mode is None:
        return None
    # Before any call: a test merchant with a live key would move money.
    if key.startswith(_LIVE_KEYS if credentials.test_mode else _TEST_KEYS):
        mode = "test" if credentials.test_mode else "live"
        return "credentials_of_other_mode", f"The merchant is in {mode} mode and the secret_key is not."
    return None


@lru_cache(maxsize=256)
def _client(base: str, key: str, account: str | None, pid: int) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_account=account,
        base_addresses={"api": base},
        max_network_retries=0,
        http_client=_transport(READ_SECONDS, pid),
    )


@lru_cache(maxsize=4)
def _transport(read_seconds: float, pid: int) -> stripe.HTTPXClient:
    """One pool of connections a process: a forked worker must not share its parent's sockets."""
    timeout = httpx.Timeout(CONNECT_SECONDS, read=read_seconds)
    return stripe.HTTPXClient(timeout=timeout, allow_sync_methods=True)
