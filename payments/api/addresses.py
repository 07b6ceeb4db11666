"""Whether a request comes from this very machine.

Only the configured proxy (`BEHIND_PROXY`) may name the client's address (`payments.people.origin`). Any
other header of the kind only tells that something stands between, and then the connection's own address tells nothing.
"""

import ipaddress
from typing import Final

from django.http import HttpRequest

# What proxies add, each in its own way; one of them is enough to know that the request came through one.
FROM_PROXIES: Final = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via")


def is_local(request: HttpRequest) -> bool:
    """Whether a program on this very machine asks, with nothing in between."""
    if any(name in request.headers for name in FROM_PROXIES):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
