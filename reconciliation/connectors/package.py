"""What the connectors share: where a package answers, and amounts and texts as they are sent."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings

from payments.core.money import Money
from reconciliation.connectors import oauth
from reconciliation.connectors.base import Access, Capabilities, Refused, TokenRefused, Tokens, Unclear


def base_of(code: str, part: str = "api") -> str:
    """Return the address of a package; `sign_in` and `token` are often elsewhere than `api`."""
    addresses: Mapping[str, str] = settings.CONNECTOR_ADDRESSES
    return addresses[f"{code}_{part}"]


def bearer(access: Access) -> dict[str, str]:
    """Return the header that signs a request."""
    if access.tokens is None:
        raise TokenRefused("token_refused")
    return {"Authorization": f"Bearer {access.tokens.access}"}


def renewed(code: str, capabilities: Capabilities, access: Access) -> Tokens:
    """Return new tokens of a package to which a person signs in, by the refresh token, which is used up by it.

    Raises:
        ConnectorError: as `oauth.refreshed`.
    """
    assert capabilities.oauth is not None, "no other package is signed in to so"
    return oauth.refreshed(
        base_of(code, "token"), capabilities.oauth, credentials=access.credentials, tokens=access.tokens
    )


def decimal(amount: int, currency: str) -> Decimal:
    """An amount in minor units as a decimal in major ones."""
    return Money(amount, currency).to_decimal()


def minor(amount: Any, currency: str) -> int:
    """A decimal amount of an answer (a text with a point or comma, or a number) in minor units.

    Raises:
        ValueError: it is none.
    """
    return Money.from_decimal(Decimal(str(amount).replace(",", ".")), currency).amount


def codes(rows: Any, code: str, id_: str) -> dict[str, str]:
    """Return the ids of a package's accounts (or journals) by their codes."""
    return {str(row[code]).strip(): str(row[id_]) for row in rows if row.get(code) not in (None, "")}


def known(accounts: Mapping[str, str], code: str) -> str:
    """Return the id of an account.

    Raises:
        Refused: `account_unknown_there`.
    """
    if code not in accounts:
        raise Refused("account_unknown_there", code)
    return accounts[code]


def created(body: Any, *path: str | int) -> str:
    """Return the id in the answer to something that was written.

    Raises:
        Unclear: it is not there, so that nobody can say what was done.
    """
    try:
        for name in path:
            body = body[name]
    except (KeyError, TypeError, IndexError) as error:
        raise Unclear("no_answer", "unreadable") from error
    if not isinstance(body, str | int) or isinstance(body, bool) or body == "":
        raise Unclear("no_answer", "unreadable")
    return str(body)


def shortened(text: str, longest: int) -> str:
    """A text as long as the package takes it."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
