"""Redact card numbers, secrets, e-mail addresses and bank accounts in log lines."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from django.conf import settings

from payments.core import iban
from payments.core.pan import mask_card_numbers

HIDDEN: Final = "[hidden]"
SHORTEST_SECRET: Final = 8  # a shorter value could be part of ordinary words

_Change = Callable[[re.Match[str]], str]
_NAMES: Final = (
    r"authorization|cookie|credentials?|(?:[a-z]+_)?(?:password|passwd|secret|token)|api_key|pairing_code|voucher_code"
)
_PATTERNS: Final[tuple[tuple[re.Pattern[str], str | _Change], ...]] = (
    (
        re.compile(
            rf"(?i)\b({_NAMES})(['\"]?\s*[:=]\s*)(?!(?:Bearer|Basic) )('[^']*'|\"[^\"]*\"|[^\s,;&'\"{{}}\[\]]+)"
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"\b(Bearer|Basic) [^\s'\",]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"\b((?:ot|sk|rk|pk)_(?:test|live)|whsec|whsk|cs_test|cs_live)_[A-Za-z0-9+/=_-]+"), rf"\1_{HIDDEN}"),
    (re.compile(r"\bgAAAA[A-Za-z0-9_=-]{40,}"), HIDDEN),
    (re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), "[e-mail]"),
    (
        re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
        lambda found: _iban_hidden(found[0]),
    ),
)


def scrub(text: str) -> str:
    """Return the text with every such value masked."""
    for secret in _ours():
        if secret in text:
            text = text.replace(secret, HIDDEN)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return mask_card_numbers(text)


def _iban_hidden(text: str) -> str:
    try:
        iban.compact(text)
    except ValueError:
        return text
    return "[iban]"


@cache
def _ours() -> tuple[str, ...]:
    """Return this installation's own secrets, the longest first, since one may contain another."""
    databases: dict[str, dict[str, Any]] = settings.DATABASES
    found = {
        settings.SECRET_KEY,
        settings.HASH_KEY,
        settings.EMAIL_HOST_PASSWORD,
        *settings.ENCRYPTION_KEYS,
        *(str(each.get("PASSWORD") or "") for each in databases.values()),
    }
    return tuple(sorted((secret for secret in found if len(secret) >= SHORTEST_SECRET), key=len, reverse=True))
