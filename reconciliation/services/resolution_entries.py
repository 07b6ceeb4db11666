"""The journal entries of a resolution: the open balance goes to the account that a person chose."""

from datetime import datetime

from payments.accounting.chart_of_accounts import account
from payments.core.errors import Conflict
from payments.ledger.posting import AccountSpec, Entry, Line, next_items
from payments.models import Discrepancy
from payments.services.confirm import write_off_offline
from reconciliation import journal
from reconciliation.services import payouts
from reconciliation.services.open_balance import OpenBalance


def resolution_entries(
    row: Discrepancy, balance: OpenBalance, action: str, at: datetime, actor: str, *, nth: int, closes: bool
) -> list[Entry]:
    """Return the entry of a write-off, a fee or a transfer to suspense; none if nothing is open anymore.

    `nth` counts the steps before it, and `closes` says whether nothing is left open by it.

    An offline sale that was never settled is written off by payments, which knows from then on that it is a loss.

    Raises:
        Conflict: a fee without a provider account to book it to.
    """
    if balance.account.code.startswith("provisional:") and row.payment is not None:
        write_off_offline(row.payment, actor=actor, at=at)
        return []
    parked = action == "suspense"
    if parked and balance.account.code == "suspense":
        return []  # it is there already
    target = target_of(balance, action)
    item = next_items(1)[0] if parked else None
    # Signed amounts: whichever side is open, its mirror closes it.
    lines = [Line(target, balance.amount, item), Line(balance.account, -balance.amount, balance.item)]
    if closes:
        payouts.expect_no_more(row)
    return [journal.resolved(row.merchant, row.id, lines, at, nth=nth)] if balance.amount else []


def target_of(balance: OpenBalance, action: str) -> AccountSpec:
    """Return the account that an action moves the open balance to.

    Raises:
        Conflict: a fee without a provider account to book it to.
    """
    currency = balance.account.currency
    if action == "write_off":
        return account("write_offs", currency)
    if action == "suspense":
        return account("suspense", currency)
    if balance.provider_account_id is None:
        raise Conflict("fee_without_account", "It is not known whose fee this is. Write it off instead.")
    return account("fees", currency, balance.provider_account_id)
