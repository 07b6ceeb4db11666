"""Post to a URL that a merchant chose (against SSRF): no redirects, one deadline, no private addresses.

A name is resolved once, every address it has is checked, and the connection goes to one of those very addresses, so
that a name server cannot answer differently the second time (DNS rebinding); Host and SNI keep the name.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from functools import cache
from typing import Any, Final

import httpcore
import httpx
from django.conf import settings

LONGEST_URL: Final = 2048
_ON_THIS_MACHINE: Final = (
    "To receive events on your own machine, start the server with WEBHOOK_ALLOW_PRIVATE=1, or forward them with "
    "manage.py listen --forward-to URL."
)
LOOK_UP_SECONDS: Final = 2.0  # at creation; a name that does not resolve now may do so later

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Networks that Python's `is_global` allows although they lead to a private network, or nowhere.
_ALSO_REFUSED: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # IPv4-compatible
        "64:ff9b::/96",  # NAT64: an IPv4 address in disguise
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo and other protocol assignments
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
)


class AddressRefused(Exception):
    """The address must not be called; the text explains why and what to do."""


class Unreachable(Exception):
    """No answer came in time; the text explains how it failed."""


def check(url: str) -> None:
    """Refuse an address that must not be called, as far as can be known now; `post` checks again at each connection.

    Raises:
        AddressRefused: not https, or it leads to a private address, or it is no address at all.
    """
    target = _parse(url)
    try:
        _resolve(target.raw_host.decode(), target.port or 0, time.monotonic() + LOOK_UP_SECONDS)
    except Unreachable:
        return


def post(url: str, *, headers: Mapping[str, str], body: bytes, seconds: float) -> int:
    """Send a body and return the answer's status; everything together takes `seconds` at most.

    Raises:
        AddressRefused: the address must not be called.
        Unreachable: there was no answer.
    """
    deadline = time.monotonic() + seconds
    target = _parse(url)
    sent = {"Host": target.netloc.decode(), "Content-Length": str(len(body)), "Connection": "close", **headers}
    # Parsed once: two parsers could read different hosts from one text, one checked and the other called.
    address = httpcore.URL(
        scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path or b"/"
    )
    backend = _CheckedBackend(deadline)
    try:
        with (
            httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend) as pool,
            pool.stream("POST", address, headers=list(sent.items()), content=body) as answer,
        ):
            return answer.status
    except httpcore.TimeoutException as error:
        raise Unreachable(f"No answer within {seconds:g} seconds.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error


def connect(host: str, port: int, *, seconds: float) -> socket.socket:
    """Return a connection to a host that may be called, for protocols other than HTTP; within `seconds`.

    Raises:
        AddressRefused: it leads to a private address.
        Unreachable: there is no connection.
    """
    deadline = time.monotonic() + seconds
    last: Exception = Unreachable("This name leads nowhere.")
    for address in _resolve(host, port, deadline):
        try:
            return socket.create_connection((address, port), max(deadline - time.monotonic(), 0.1))
        except OSError as error:
            last = Unreachable(f"{type(error).__name__}: {error}")
    raise last


def is_public(address: Address) -> bool:
    """Return whether an address is on the public internet, also if it is an IPv4 address inside an IPv6 one."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return is_public(address.ipv4_mapped)
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in _ALSO_REFUSED if network.version == address.version)


def _parse(url: str) -> httpx.URL:
    if len(url) > LONGEST_URL:
        raise AddressRefused(f"Use at most {LONGEST_URL} characters.")
    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise AddressRefused("This is no address. Use one as https://shop.example/webhooks.") from error
    schemes = ("https", "http") if settings.WEBHOOK_ALLOW_PRIVATE else ("https",)
    if target.scheme not in schemes or not target.host:
        raise AddressRefused(f"Use an address that begins with https://. {_ON_THIS_MACHINE}")
    if target.port is not None and not 0 < target.port < 65536:
        raise AddressRefused("Use a port between 1 and 65535, or none.")
    if target.userinfo or target.fragment:
        raise AddressRefused("Leave user name, password and #fragment out of the address.")
    return target


def _resolve(host: str, port: int, deadline: float) -> list[str]:
    """Return every address of a host, all of them checked.

    `getaddrinfo` takes no timeout, so it runs in a thread that is abandoned at the deadline.
    """
    looked_up: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            looked_up.set_result(socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError, ValueError) as error:
            looked_up.set_exception(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        found = looked_up.result(timeout=max(deadline - time.monotonic(), 0))
    except TimeoutError as error:
        raise Unreachable("The name server does not answer.") from error
    except (OSError, UnicodeError, ValueError) as error:
        raise Unreachable("This name leads nowhere.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not settings.WEBHOOK_ALLOW_PRIVATE and not all(_is_public_text(address) for address in addresses):
        raise AddressRefused(
            f"This leads to a private address. Use one that is reachable on the internet. {_ON_THIS_MACHINE}"
        )
    return addresses


def _is_public_text(address: str) -> bool:
    """Return whether an address's text is public; only link-local ones have a zone (`fe80::1%eth0`)."""
    return "%" not in address and is_public(ipaddress.ip_address(address))


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to checked addresses only, all within one deadline."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        last: Exception = Unreachable("This name leads nowhere.")
        for address in _resolve(host, port, self._deadline):
            try:
                stream = self._sockets.connect_tcp(address, port, _left(self._deadline), None, socket_options)
            except httpcore.ConnectError as error:
                last = error
            else:
                return _DeadlineStream(stream, self._deadline)
        raise last


class _DeadlineStream(httpcore.NetworkStream):
    """A connection that never waits beyond the deadline, however slowly the other side sends."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _DeadlineStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left
