"""Requests to Mollie over HTTP: once each, with the account's own key, and nothing in any log.

Retries are ours to make: `payments.services.recover` asks first.
"""

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx
from django.conf import settings

from payments.providers.base import Credentials
from payments.providers.payload import NOTHING, Payload, decoded, part, text

CONNECT_SECONDS: Final = 3.0
READ_SECONDS = 20.0  # with the other below the 30 seconds for which an operation is claimed
PAGE: Final = 250  # Mollie's largest
API_KEY: Final = "api_key"
TOKEN: Final = "organization_token"  # noqa: S105 (the name of a credential)
IN_TEST_MODE: Final = "settlements_in_test_mode"
_SAY: Final = f"{IN_TEST_MODE}: yes"
_KEYS: Final = {True: "test_", False: "live_"}
_NEVER_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class NoSuccess(Exception):
    """A request without a success: `status` is the HTTP status, None where no answer came or it could not be read.

    `connected` is False where it is certain that nothing of the request left this machine.
    """

    def __init__(self, status: int | None, body: Payload = NOTHING, *, connected: bool = True) -> None:
        super().__init__(f"HTTP {status}" if status is not None else "no answer")
        self.status, self.body, self.connected = status, body, connected

    @property
    def detail(self) -> str:
        """What Mollie says, with the field it means."""
        said, field = text(self.body, "detail") or text(self.body, "title") or str(self), text(self.body, "field")
        return f"{said} (field: {field})" if field else said


def unusable_key(credentials: Credentials) -> tuple[str, str] | None:
    """Code and detail for the operator where an account's API key is missing, or of the other mode."""
    key = credentials.secrets.get(API_KEY) or ""
    if not _can_be_sent(key) or not key.startswith(tuple(_KEYS.values())):
        detail = "This provider account has no api_key (live_… or test_…); add it to its credentials."
        return "credentials_missing", detail
    # Before any call: a test merchant with a live key would move money.
    if credentials.test_mode is not None and not key.startswith(_KEYS[credentials.test_mode]):
        mode = "test" if credentials.test_mode else "live"
        return "credentials_of_other_mode", f"The merchant is in {mode} mode and the api_key is not."
    return None


def unusable_token(credentials: Credentials) -> tuple[str, str] | None:
    """Code and detail where the organization's token cannot be used, without which no settlement can be read.

    Mollie settles live money only. So a test merchant's books take it in only where somebody has said so.
    """
    if _can_be_sent(credentials.secrets.get(TOKEN) or ""):
        if credentials.test_mode is not True or credentials.secrets.get(IN_TEST_MODE) == "yes":
            return None
        detail = f"Mollie's settlements are live and the merchant is in test mode. Remove the {TOKEN}, or say {_SAY}."
        return "credentials_of_other_mode", detail
    return "credentials_missing", "This provider account has no organization_token; settlements cannot be read."


def ask(
    credentials: Credentials,
    method: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    key: str | None = None,
    params: Mapping[str, str | int] | None = None,
    credential: str = API_KEY,
) -> Payload:
    """Send one request; `key` is its idempotency key, `credential` names what it is signed in with.

    Raises:
        NoSuccess: no answer, an unreadable one, or a refusal.
    """
    headers = {"Authorization": f"Bearer {credentials.secrets[credential].strip()}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    address = f"{settings.MOLLIE_API_BASE}/v2/{path}"
    try:
        # By process, too: connections of before a fork must not be used on both sides of it.
        answer = _client(os.getpid()).request(method, address, json=body, params=params, headers=headers)
    except httpx.HTTPError as error:
        raise NoSuccess(None, connected=not isinstance(error, _NEVER_CONNECTED)) from error
    read = decoded(answer.content)
    if not answer.is_success:
        raise NoSuccess(answer.status_code, read)
    if not read and answer.status_code not in (202, 204):
        raise NoSuccess(None)
    return read


def listed(
    credentials: Credentials, path: str, name: str, *, start: str | None = None, credential: str = API_KEY
) -> Iterator[Payload]:
    """Yield what a list holds from `start` on, over all its pages, the newest first.

    Raises:
        NoSuccess: at any page.
    """
    params: dict[str, str | int] = {"limit": PAGE, **({"from": start} if start else {})}
    while True:
        page = ask(credentials, "GET", path, params=params, credential=credential)
        rows = part(page, "_embedded").get(name)
        if not isinstance(rows, list):
            raise NoSuccess(None)  # whether there is nothing more is not known
        yield from (row for row in rows if isinstance(row, Mapping))
        following = text(page, "_links", "next", "href")
        if following is None:
            return
        # Only the place is taken from their address, never the host; one that leads nowhere new would have no end.
        place = dict(parse_qsl(urlsplit(following).query)).get("from", "")
        if not place or place == params.get("from"):
            raise NoSuccess(None)
        params = {"limit": PAGE, "from": place}


def _can_be_sent(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and bool(secret.strip())


@lru_cache(maxsize=4)
def _client(pid: int) -> httpx.Client:
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    return httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False)
