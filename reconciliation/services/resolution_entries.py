"""What a decision about a difference books: it moves from where it stands to where a person says it belongs."""

from datetime import datetime

from payments.accounting.chart_of_accounts import account
from payments.core.errors import Conflict
from payments.ledger.posting import AccountSpec, Entry, Line, next_items
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.services.confirm import write_off_offline
from reconciliation import journal
from reconciliation.models import Payout
from reconciliation.services.open_balance import OpenBalance


def decided(row: Discrepancy, stands: OpenBalance, action: str, at: datetime, actor: str) -> list[Entry]:
    """The entry of a write-off, a fee or a move to suspense; none where nothing stands open anymore.

    An offline sale that was never settled is written off by payments, which knows from then on that it is a loss.

    Raises:
        Conflict: a fee without a provider account to book it to.
    """
    if stands.account.code.startswith("provisional:") and row.payment is not None:
        write_off_offline(row.payment, actor=actor, at=at)
        return []
    parked = action == "suspense"
    if parked and stands.account.code == "suspense":
        return []  # it stands there already
    target = _target(row, stands, action)
    item = next_items(1)[0] if parked else None
    lines = [Line(target, stands.amount, item), Line(stands.account, -stands.amount, stands.item)]
    if row.kind in (Kind.PAYOUT_DIFFERS, Kind.PAYOUT_NOT_RECEIVED):
        Payout.objects.filter(item=stands.item).update(status=Payout.Status.RECEIVED)
    return [journal.resolved(row.merchant, row.id, lines, at)] if stands.amount else []


def _target(row: Discrepancy, stands: OpenBalance, action: str) -> AccountSpec:
    currency = stands.account.currency
    if action == "write_off":
        return account("write_offs", currency)
    if action == "suspense":
        return account("suspense", currency)
    if stands.provider_account_id is None:
        raise Conflict("fee_without_account", "It is not known whose fee this is. Write it off instead.")
    return account("fees", currency, stands.provider_account_id)
