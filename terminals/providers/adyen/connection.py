"""How a message reaches a terminal: over Adyen's cloud, or in the store's own network.

A `device_id` is Adyen's name for the terminal (`V400m-324688179`), and with an address behind it
(`V400m-324688179@192.168.1.20`) that of a terminal in the store, which is spoken to with its
key only.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import httpx
import msgspec
from django.conf import settings

from payments.providers.adyen.client import (
    API_KEY,
    CONNECT_SECONDS,
    NEVER_CONNECTED,
    NoSuccess,
    is_live,
    merchant_account,
    pooled,
    unusable,
)
from payments.providers.base import Credentials
from payments.providers.payload import Payload, decoded, part, text
from terminals.providers.adyen import encryption, messages
from terminals.providers.base import Till

READ_SECONDS = 12.0  # with a second message below what a driver may take for one call
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_OK: Final = frozenset({b"ok", b'"ok"', b""})


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal, how it is reached, and its key if it has one."""

    device: str
    address: str  # empty: over Adyen's cloud
    credentials: Credentials
    key: encryption.Key | None

    @property
    def is_local(self) -> bool:
        return bool(self.address)


def terminal_of(till: Till) -> Terminal | str:
    """The terminal, or the code of what keeps it from being spoken to."""
    credentials = Credentials("", "adyen", "", secrets=till.secrets, test_mode=till.test_mode)
    device, _, address = till.device_id.partition("@")
    missing = unusable(credentials)
    if missing is not None:
        return missing[0]
    try:
        key = encryption.key_of(till.secrets)
    except ValueError:
        return "terminal_key_incomplete"
    # What anybody in the store's network could say, or hear, would charge cards.
    return "terminal_key_missing" if address and key is None else Terminal(device, address, credentials, key)


def send(terminal: Terminal, kind: str, message: messages.Message, *, name: str | None = None) -> Payload | None:
    """Send a message to a terminal; return its genuine answer, None where it has only been taken.

    In the cloud a charge or refund (what has a `name`) is only handed on: its answer is asked for afterwards.

    Raises:
        NoSuccess: no answer, or a refusal of Adyen's.
        NotGenuine: an answer that the terminal's key did not make, or of another message.
    """
    head = messages.header(kind, terminal.device, name)
    plain = _ENCODER.encode({"SaleToPOIRequest": {"MessageHeader": head, f"{kind}Request": message}})
    if terminal.key is not None:
        sealed = encryption.seal(plain, terminal.key)
        plain = _ENCODER.encode({"SaleToPOIRequest": {"MessageHeader": head, **sealed}})
    answer = _post(terminal, plain, hands_on=name is not None)
    # A plain "ok" decides nothing, whoever said it.
    return None if answer.strip() in _OK else _genuine(answer, terminal, head)


def _genuine(answer: bytes, terminal: Terminal, head: messages.Message) -> Payload:
    envelope = decoded(answer)
    outer = part(envelope, "SaleToPOIResponse") or part(envelope, "SaleToPOIRequest")
    if terminal.key is not None:
        read = decoded(encryption.unseal(outer, terminal.key))
        outer = part(read, "SaleToPOIResponse") or part(read, "SaleToPOIRequest")
    if part(outer, "EventNotification"):
        raise NoSuccess(None)  # rejected: whether the terminal had it is not said
    if text(outer, "MessageHeader", "ServiceID") != head["ServiceID"]:
        raise encryption.NotGenuine
    return outer


def _post(terminal: Terminal, body: bytes, *, hands_on: bool) -> bytes:
    url, headers = _address(terminal, hands_on=hands_on)
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    # What goes to a terminal in the store is encrypted by itself; its certificate is none that browsers know.
    http = _local(os.getpid()) if terminal.is_local else pooled(os.getpid())
    try:
        answer = http.post(url, content=body, headers=headers, timeout=timeout)
    except httpx.HTTPError as error:
        raise NoSuccess(None, connected=not isinstance(error, NEVER_CONNECTED)) from error
    if not answer.is_success:
        raise NoSuccess(answer.status_code, decoded(answer.content))
    return answer.content


def _address(terminal: Terminal, *, hands_on: bool) -> tuple[str, dict[str, str]]:
    headers = {"Content-Type": "application/json"}
    if terminal.is_local:
        return settings.ADYEN_LOCAL_URL.format(host=terminal.address), headers
    base = settings.ADYEN_DEVICES_LIVE_URL if is_live(terminal.credentials) else settings.ADYEN_DEVICES_URL
    merchant, device = quote(merchant_account(terminal.credentials), safe=""), quote(terminal.device, safe="")
    path = f"v1/merchants/{merchant}/devices/{device}/{'async' if hands_on else 'sync'}"
    return f"{base}/{path}", {**headers, "X-API-Key": terminal.credentials.secrets[API_KEY].strip()}


@lru_cache(maxsize=4)
def _local(pid: int) -> httpx.Client:
    return httpx.Client(verify=False, follow_redirects=False, trust_env=False)  # noqa: S501
