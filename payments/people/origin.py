"""Where a request comes from: its address, its browser, and the cookie by which a device is known again."""

import ipaddress
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

DEVICE_COOKIE: Final = "device"
DEVICE_DAYS: Final = 180
ACCOUNTS_PER_DEVICE: Final = 10  # a computer behind a counter
_SALT: Final = "payments.people.device"


@dataclass(frozen=True, slots=True)
class Origin:
    """`device` is the random name of a browser that was signed in from before; `accounts` are hashes of whose."""

    address: str
    browser: str
    device: str = ""
    accounts: tuple[str, ...] = ()


def of(request: HttpRequest) -> Origin:
    """Tell where a request comes from. A device's cookie that is not ours counts as none."""
    browser = " ".join(request.headers.get("User-Agent", "").split())[:200]
    return at(address_in(request.META), device=request.COOKIES.get(DEVICE_COOKIE, ""), browser=browser)


def at(address: str, *, device: str, browser: str = "") -> Origin:
    """Tell where a request from an address comes from; `device` is its cookie, "" where it has none."""
    return Origin(network(address), browser, *_device(device))


def address_in(environ: Mapping[str, Any]) -> str:
    """Return who asks: the last address that our own proxy (`BEHIND_PROXY`) added, else that of the connection."""
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return str(forwarded.rpartition(",")[2].strip()[:64] or environ.get("REMOTE_ADDR", ""))


@lru_cache(maxsize=1024)
def network(text: str) -> str:
    """Return an IPv4 address as it is, of IPv6 the /64 that one household or office has; other text cut short."""
    try:
        socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):  # no IPv4 address: ten thousand of those are told apart in a hundredth of a second
        return _other_network(text)
    return text


def _other_network(text: str) -> str:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return text[:45]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else str(parsed)


def remember(response: HttpResponse, origin: Origin, account: str) -> None:
    """Let the browser be known to this account (its hash) from now on."""
    others = [other for other in origin.accounts if other != account]
    remembered = [origin.device or secrets.token_urlsafe(12), *[account, *others][:ACCOUNTS_PER_DEVICE]]
    response.set_cookie(
        DEVICE_COOKIE,
        signing.dumps(remembered, salt=_SALT),
        max_age=DEVICE_DAYS * 86_400,
        path="/admin/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _device(cookie: str) -> tuple[str, tuple[str, ...]]:
    if not cookie:
        return "", ()
    try:
        device, *accounts = signing.loads(cookie[:2000], salt=_SALT, max_age=DEVICE_DAYS * 86_400)
    except (signing.BadSignature, ValueError):
        return "", ()
    return device, tuple(accounts)
