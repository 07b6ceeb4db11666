"""Requests to Adyen over HTTP: once each, with the account's own key, and nothing in any log.

Retries are ours to make: `payments.services.recover` decides about them.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import httpx
from django.conf import settings

from payments.providers.base import Credentials
from payments.providers.payload import NOTHING, Payload, decoded, text

CONNECT_SECONDS: Final = 3.0
READ_SECONDS = 20.0  # with the other below the 30 seconds for which an operation is claimed
VERSION: Final = "v72"
API_KEY: Final = "api_key"
MERCHANT_ACCOUNT: Final = "merchant_account"
LIVE_PREFIX: Final = "live_url_prefix"
NEVER_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class NoSuccess(Exception):
    """A request without a success: `status` is the HTTP status, None where no answer came or it could not be read.

    `connected` is False where it is certain that nothing of the request left this machine; `transient` where Adyen
    itself says that the same key may be tried again.
    """

    def __init__(
        self, status: int | None, body: Payload = NOTHING, *, connected: bool = True, transient: bool = False
    ) -> None:
        super().__init__(f"HTTP {status}" if status is not None else "no answer")
        self.status, self.body, self.connected, self.transient = status, body, connected, transient

    @property
    def detail(self) -> str:
        """What Adyen says."""
        return text(self.body, "message") or text(self.body, "detail") or str(self)

    @property
    def code(self) -> str | None:
        """Adyen's own number for an error, such as `14_030`."""
        return text(self.body, "errorCode")


def unusable(credentials: Credentials) -> tuple[str, str] | None:
    """Code and detail for the operator where credentials are missing, or are of the other mode."""
    for name in (API_KEY, MERCHANT_ACCOUNT):
        if not _can_be_sent(credentials.secrets.get(name) or ""):
            return "credentials_missing", f"This provider account has no {name}; add it to its credentials."
    # Adyen's keys do not show their mode; the prefix of the live addresses does, which only live accounts have.
    if credentials.test_mode is not None and credentials.test_mode is is_live(credentials):
        if credentials.test_mode:
            detail = (
                "The merchant is in test mode and the account has a live_url_prefix, so that its key is a live one."
            )
        else:
            detail = "The merchant is in live mode and the account has no live_url_prefix; add it to its credentials."
        return "credentials_of_other_mode", detail
    prefix = credentials.secrets.get(LIVE_PREFIX) or ""
    if prefix and not all(part.isalnum() for part in prefix.split("-")):
        return "credentials_missing", "The live_url_prefix has other signs than letters, digits and hyphens."
    return None


def is_live(credentials: Credentials) -> bool:
    """Whether an account is one at Adyen's live platform."""
    return bool(credentials.secrets.get(LIVE_PREFIX))


def merchant_account(credentials: Credentials) -> str:
    """The merchant account at Adyen, which every request names."""
    return credentials.secrets[MERCHANT_ACCOUNT].strip()


def checkout(credentials: Credentials, path: str, body: Mapping[str, Any], *, key: str | None = None) -> Payload:
    """Send one request to Checkout; `key` is its idempotency key.

    Raises:
        NoSuccess: no answer, an unreadable one, or a refusal.
    """
    base = settings.ADYEN_CHECKOUT_URL
    if is_live(credentials):
        base = settings.ADYEN_CHECKOUT_LIVE_URL.format(prefix=credentials.secrets[LIVE_PREFIX])
    headers = {"Idempotency-Key": key} if key is not None else {}
    full = {"merchantAccount": merchant_account(credentials), **body}
    return ask(credentials, "POST", f"{base}/{VERSION}/{path}", body=full, headers=headers)


def ask(
    credentials: Credentials,
    method: str,
    url: str,
    *,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    read_seconds: float | None = None,
) -> Payload:
    """Send one request with the account's API key; `read_seconds` where an answer may take longer than usual.

    Raises:
        NoSuccess: no answer, an unreadable one, or a refusal.
    """
    signed = {"X-API-Key": credentials.secrets[API_KEY].strip(), **(headers or {})}
    timeout = httpx.Timeout(read_seconds or READ_SECONDS, connect=CONNECT_SECONDS)
    try:
        # By process, too: connections of before a fork must not be used on both sides of it.
        answer = pooled(os.getpid()).request(method, url, json=body, headers=signed, timeout=timeout)
    except httpx.HTTPError as error:
        raise NoSuccess(None, connected=not isinstance(error, NEVER_CONNECTED)) from error
    read = decoded(answer.content)
    if not answer.is_success:
        transient = answer.headers.get("transient-error", "").lower() == "true"
        raise NoSuccess(answer.status_code, read, transient=transient)
    if not read:
        raise NoSuccess(None)
    return read


def _can_be_sent(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and bool(secret.strip())


@lru_cache(maxsize=4)
def pooled(pid: int) -> httpx.Client:
    """The connections of one process."""
    return httpx.Client(follow_redirects=False, trust_env=False)
