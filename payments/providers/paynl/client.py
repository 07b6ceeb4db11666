"""One HTTP client a process for Pay.nl: two addresses, two keys an account, no retries, nothing secret in any log."""

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import httpx
from django.conf import settings

from payments.providers.base import Credentials
from payments.providers.payload import Payload, decoded

# An operation is claimed for 30 seconds, and takes three requests at most: read, change, read.
CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 7.0
SERVICE: Final = ("service_id", "service_secret")  # SL-####-####: orders of one sales location
TOKEN: Final = ("token_code", "api_token")  # AT-####-####: refunds, retourpin, terminals, clearing


@dataclass(frozen=True, slots=True)
class Answer:
    """What Pay.nl answered: the HTTP status, and the JSON object of the body (empty where there is none)."""

    status: int
    body: Payload
    is_json: bool = True


def connect(
    method: str, path: str, credentials: Credentials, body: Any = None, *, key: tuple[str, str] = SERVICE
) -> Answer:
    """One request to the gateway, where orders are.

    Raises:
        httpx.TransportError: no answer came; see `translate.no_answer`.
    """
    return _ask(method, f"{settings.PAYNL_CONNECT_URL}{path}", _key(credentials, key), body)


def rest(method: str, path: str, credentials: Credentials, body: Any = None, **query: str) -> Answer:
    """One request to the management API; raises as `connect`."""
    return _ask(method, f"{settings.PAYNL_REST_URL}{path}", _key(credentials, TOKEN), body, query)


def missing_key(credentials: Credentials, key: tuple[str, str]) -> tuple[str, str] | None:
    """Code and detail for the operator where an account lacks a key, or has one that no header can carry."""
    for name in key:
        value = credentials.secrets.get(name) or ""
        if not value.strip() or not value.isascii() or not value.isprintable():
            return "credentials_missing", f"This provider account has no {name}; add it to its credentials."
    return None


def _key(credentials: Credentials, key: tuple[str, str]) -> httpx.BasicAuth:
    return httpx.BasicAuth(credentials.secrets[key[0]], credentials.secrets[key[1]])


def _ask(method: str, url: str, auth: httpx.BasicAuth, body: Any, query: dict[str, str] | None = None) -> Answer:
    response = _client(os.getpid()).request(method, url, json=body, auth=auth, params=query)
    read = decoded(response.content)
    return Answer(response.status_code, read, bool(read) or response.content.strip() in (b"", b"{}"))


@lru_cache(maxsize=4)
def _client(pid: int) -> httpx.Client:
    """One pool of connections a process: a forked worker must not share its parent's sockets."""
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
    return httpx.Client(timeout=timeout, follow_redirects=False, headers={"Accept": "application/json"})
