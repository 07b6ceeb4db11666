"""What each role may do: the one table, and its queries."""

from enum import StrEnum
from typing import Final

from django.db.models import Q

from payments.people.models import Role, User


class May(StrEnum):
    """One thing a person may do at a merchant, or in one of its channels."""

    SEE = "see"  # payments, orders, refunds, terminals
    SERVE = "serve"  # any customer of the merchant: orders, payments and refunds of every channel
    SEE_BOOKS = "see_books"  # ledger, settlements, payouts
    SEE_AUDIT_LOG = "see_audit_log"
    REQUEST_PAYMENT = "request_payment"  # payment links
    SEND_MAIL = "send_mail"  # receipts, and letters once more
    REFUND = "refund"
    RELEASE_TRANSFERS = "release_transfers"
    RESOLVE = "resolve"  # discrepancies
    APPROVE_REFUNDS = "approve_refunds"
    APPROVE_CORRECTIONS = "approve_corrections"  # write-offs, forced matches, fees and suspense
    APPROVE_SETTINGS = "approve_settings"  # limits, bank accounts, credentials, a colleague's second factor
    MOVE_CASH = "move_cash"  # count a till, pay in and out of it, take cash to the bank
    MANAGE_TERMINALS = "manage_terminals"
    MANAGE_KEYS = "manage_keys"
    MANAGE_WEBHOOKS = "manage_webhooks"  # where events are sent, and what was sent there
    MANAGE_SETTINGS = "manage_settings"  # channels, provider accounts
    MANAGE_USERS = "manage_users"  # accounts, roles and second factors
    ERASE_CUSTOMERS = "erase_customers"


GRANTS: Final[dict[Role.Name, frozenset[May]]] = {
    Role.Name.OWNER: frozenset(May),
    Role.Name.FINANCE: frozenset(May)
    - {May.MANAGE_KEYS, May.MANAGE_SETTINGS, May.MANAGE_TERMINALS, May.MANAGE_USERS, May.MANAGE_WEBHOOKS},
    # Explains the books and agrees to what others ask for; gives nothing back, and sets nothing up.
    Role.Name.CONTROLLER: frozenset(
        {
            May.SEE,
            May.SEE_BOOKS,
            May.SEE_AUDIT_LOG,
            May.RESOLVE,
            May.RELEASE_TRANSFERS,
            May.APPROVE_REFUNDS,
            May.APPROVE_CORRECTIONS,
            May.APPROVE_SETTINGS,
        }
    ),
    Role.Name.STORE_MANAGER: frozenset(
        {
            May.SEE,
            May.SERVE,
            May.REQUEST_PAYMENT,
            May.SEND_MAIL,
            May.REFUND,
            May.APPROVE_REFUNDS,
            May.MOVE_CASH,
            May.MANAGE_TERMINALS,
        }
    ),
    Role.Name.CLERK: frozenset({May.SEE, May.SERVE, May.REQUEST_PAYMENT, May.SEND_MAIL, May.REFUND}),
    Role.Name.SERVICE: frozenset({May.SEE, May.SERVE, May.REQUEST_PAYMENT, May.SEND_MAIL}),
    Role.Name.DEVELOPER: frozenset({May.SEE, May.MANAGE_KEYS, May.MANAGE_WEBHOOKS}),
    Role.Name.AUDITOR: frozenset({May.SEE, May.SEE_BOOKS, May.SEE_AUDIT_LOG}),
}

LOOKING: Final = GRANTS[Role.Name.AUDITOR]  # what a password alone opens


def may(user: User, what: May, *, merchant_id: str | None, channel_id: str | None) -> bool:
    """Tell whether a person may do this there; `channel_id` None asks about the merchant as a whole.

    `merchant_id` None asks about the installation, where only superusers do anything.
    """
    if user.is_active and user.is_superuser:
        return True
    return any(role.merchant_id == merchant_id and role.channel_id in (None, channel_id) for role in _held(user, what))


def may_somewhere(user: User, what: May) -> bool:
    """Tell whether a person may do this at any merchant."""
    return user.is_active and (user.is_superuser or bool(_held(user, what)))


def holders(what: May, *, merchant_id: str, channel_id: str | None = None) -> list[User]:
    """The active people with a role at this merchant that allows this there; superusers without one are left out."""
    names = [name for name, granted in GRANTS.items() if what in granted]
    here = Q(channel_id=None) if channel_id is None else Q(channel_id=None) | Q(channel_id=channel_id)
    roles = Role.objects.filter(here, merchant_id=merchant_id, role__in=names)
    return list(User.objects.filter(id__in=roles.values("user_id"), is_active=True).order_by("id"))


def within(user: User, what: May, *, merchant: str = "merchant_id", channel: str | None = "channel_id") -> Q:
    """The rows where a person may do this; the names say where rows keep their merchant and (None: no) channel."""
    if user.is_active and user.is_superuser:
        return Q()
    roles = _held(user, what)
    reach = Q(**{f"{merchant}__in": [role.merchant_id for role in roles if role.channel_id is None]})
    tied = [role for role in roles if role.channel_id is not None]
    if channel is None or not tied:
        return reach
    # Both, so that a role that names a channel of another merchant opens neither.
    here = Q(**{f"{channel}__in": [role.channel_id for role in tied]})
    return reach | here & Q(**{f"{merchant}__in": [role.merchant_id for role in tied]})


def only_looks(user: User) -> bool:
    """Tell whether a person may change nothing: everybody else proves a second factor to sign in."""
    if user.is_superuser:
        return False
    return all(GRANTS[Role.Name(role.role)] <= LOOKING for role in user.roles.all())


def is_of_channels(user: User) -> bool:
    """Tell whether a person's place is in channels, and not at a merchant as a whole."""
    return not user.is_superuser and any(role.channel_id is not None for role in user.roles.all())


def is_same_everywhere(user: User) -> bool:
    """Tell whether what a person may do is the same wherever they may do anything: one role, of whole merchants."""
    return user.is_superuser or (not is_of_channels(user) and len({role.role for role in user.roles.all()}) == 1)


def anywhere(user: User, what: May, *, merchant: str = "merchant_id") -> Q:
    """The rows of every merchant at which, if only in one of its channels, a person may do this."""
    if user.is_active and user.is_superuser:
        return Q()
    return Q(**{f"{merchant}__in": {role.merchant_id for role in _held(user, what)}})


def _held(user: User, what: May) -> list[Role]:
    """The person's roles that allow this; a page asks dozens of times, so that who signed in has them read ahead."""
    rows = user.roles.all() if user.is_active else ()
    return [role for role in rows if what in GRANTS[Role.Name(role.role)]]
