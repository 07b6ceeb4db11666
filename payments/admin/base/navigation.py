"""Who finds which page in the sidebar."""

from django.http import HttpRequest

from payments.admin.base.access import can
from payments.people.permissions import May


def sees(request: HttpRequest) -> bool:
    """Payments, orders, refunds, terminals."""
    return can(request, May.SEE)


def sees_books(request: HttpRequest) -> bool:
    """Ledger, settlements, payouts."""
    return can(request, May.SEE_BOOKS)


def sees_audit_log(request: HttpRequest) -> bool:
    """Who changed what."""
    return can(request, May.SEE_AUDIT_LOG)


def manages_keys(request: HttpRequest) -> bool:
    """API keys."""
    return can(request, May.MANAGE_KEYS)


def manages_settings(request: HttpRequest) -> bool:
    """Webhook endpoints and what was sent to them."""
    return can(request, May.MANAGE_SETTINGS)


def manages_people(request: HttpRequest) -> bool:
    """Users and their roles."""
    return can(request, May.MANAGE_USERS)


def releases_transfers(request: HttpRequest) -> bool:
    """Bank transfers that wait for a person."""
    return can(request, May.RELEASE_TRANSFERS)
