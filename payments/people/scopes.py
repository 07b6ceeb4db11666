"""What a key may be allowed to do; writing includes reading."""

from collections.abc import Iterable
from typing import Final

from payments.core.errors import Fault, ValidationFailed

SCOPES: Final = (
    "payments:read",
    "payments:write",
    "refunds:read",
    "refunds:write",
    "terminals:read",
    "terminals:write",
    "customers:read",
    "customers:write",
    "vouchers:read",
    "vouchers:write",
    "ledger:read",
    "reconciliation:read",
    "reconciliation:write",
    "webhooks:read",
    "webhooks:write",
    "accounts:read",
    "accounts:write",
)

# About the merchant as a whole: a key that is tied to one channel, as of a till that may be stolen, never uses these.
WHOLE_MERCHANT: Final = frozenset(
    {"ledger:read", "reconciliation:read", "reconciliation:write", "customers:write", "accounts:write"}
)


def spell_out(scopes: Iterable[str]) -> list[str]:
    """Every scope these include, in the contract's order; `all` is every one.

    Raises:
        ValidationFailed: one of them is none.
    """
    requested = set(scopes)
    if "all" in requested:
        return list(SCOPES)
    faults = [
        Fault("scopes", "scope_unknown", f"There is no scope {scope[:40]!r}. Use all, or some of: {', '.join(SCOPES)}.")
        for scope in sorted(requested.difference(SCOPES))
    ]
    if not requested:
        faults = [Fault("scopes", "scope_missing", f"Name at least one scope: {', '.join(SCOPES)}.")]
    if faults:
        raise ValidationFailed(faults)
    included = requested | {scope.replace(":write", ":read") for scope in requested}
    return [scope for scope in SCOPES if scope in included]
