"""Where a request comes from, as far as that can be known.

Nobody but the proxy that Onetill was told of (`BEHIND_PROXY`) says for whom it asks. Any other header of the kind only
tells that something stands between, and then the connection's own address tells nothing of who asks.
"""

import ipaddress
from typing import Final

from django.conf import settings
from django.http import HttpRequest

# What proxies add, each in its own way; one of them is enough to know that the request came through one.
FROM_PROXIES: Final = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via")
LONGEST: Final = 64


def address_of(request: HttpRequest) -> str:
    """Who asks: the last address that our own proxy added, else that of the connection."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rpartition(",")[2].strip()[:LONGEST] or str(request.META.get("REMOTE_ADDR", ""))


def is_local(request: HttpRequest) -> bool:
    """Whether a program on this very machine asks, with nothing in between."""
    if any(name in request.headers for name in FROM_PROXIES):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
