"""Who finds which page in the sidebar, what waits beside it, and whether the money on a page is real."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from payments.admin.base.access import can, person
from payments.models import Merchant
from payments.people.permissions import May
from payments.queries import open_work
from payments.queries.open_work import OpenWork

# One of these oversees a store or the money; who has none serves customers, and finds the pages of that only.
OVERSEES = (
    May.SEE_BOOKS,
    May.APPROVE_REFUNDS,
    May.MANAGE_TERMINALS,
    May.MANAGE_SETTINGS,
    May.MANAGE_KEYS,
    May.MANAGE_WEBHOOKS,
)


def sees(request: HttpRequest) -> bool:
    """Payments, orders, refunds, terminals."""
    return can(request, May.SEE)


def oversees(request: HttpRequest) -> bool:
    """What stands behind the sales: card evidence, shifts, settings."""
    return any(can(request, what) for what in OVERSEES)


def explains(request: HttpRequest) -> bool:
    """Differences and unknown outcomes: who explains them, and who looks after a store."""
    return any(can(request, what) for what in (May.RESOLVE, May.SEE_BOOKS, May.MANAGE_TERMINALS))


def handles_cash(request: HttpRequest) -> bool:
    """Tills."""
    return can(request, May.MOVE_CASH) or can(request, May.SEE_BOOKS)


def sees_books(request: HttpRequest) -> bool:
    """Ledger, settlements, payouts."""
    return can(request, May.SEE_BOOKS)


def sees_audit_log(request: HttpRequest) -> bool:
    """Who changed what."""
    return can(request, May.SEE_AUDIT_LOG)


def manages_keys(request: HttpRequest) -> bool:
    """API keys."""
    return can(request, May.MANAGE_KEYS)


def manages_webhooks(request: HttpRequest) -> bool:
    """Webhook endpoints and what was sent to them."""
    return can(request, May.MANAGE_WEBHOOKS)


def manages_people(request: HttpRequest) -> bool:
    """Users and their roles."""
    return can(request, May.MANAGE_USERS)


def releases_transfers(request: HttpRequest) -> bool:
    """Bank transfers that wait for a person."""
    return can(request, May.RELEASE_TRANSFERS)


def waits(request: HttpRequest) -> OpenWork:
    """What waits for this person; asked once a request."""
    known = getattr(request, "open_work", None)
    if known is None:
        known = open_work.of_person(person(request))
        request.open_work = known  # type: ignore[attr-defined]
    assert isinstance(known, OpenWork)
    return known


def shown(request: HttpRequest, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups of the sidebar with only what this person may open; a group without a page is left out."""
    found = []
    for group in groups:
        items = [_counted(request, item) for item in group["items"] if item["has_permission"]]
        if items:
            found.append({**group, "items": items})
    return found


def _counted(request: HttpRequest, item: dict[str, Any]) -> dict[str, Any]:
    """An item of the sidebar with the number of what waits there, if anything does."""
    count = getattr(waits(request), item["waits"]) if "waits" in item else 0
    return {**item, "badge": count, "badge_variant": "primary"} if count else item


def environment(request: HttpRequest, row: Any = None) -> list[str] | None:
    """Test or live, as every page says it: of the row shown, else of all merchants of the person."""
    merchant = row if isinstance(row, Merchant) else getattr(row, "merchant", None)
    modes = {merchant.mode} if isinstance(merchant, Merchant) else waits(request).modes
    if not modes:
        return None
    if len(modes) > 1:
        return [_("live and test"), "info"]
    return [_("live"), "success"] if modes == {Merchant.Mode.LIVE} else [_("test"), "warning"]
