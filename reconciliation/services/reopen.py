"""Open discrepancies again after a resolution was undone, unless something else explains them by now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from payments.models import Discrepancy, Merchant, Operation
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.services import discrepancy
from reconciliation.models import BankStatementLine, Payout, SettlementLine
from reconciliation.services import payouts
from reconciliation.services.auto_resolve import ACTOR, resolve_explained
from reconciliation.services.line_discrepancies import UNEXPLAINED, bank_line_of, kind_of, line_of

_OF_LINES = (Kind.UNKNOWN_LINE, Kind.SIGN_DIFFERS, Kind.DUPLICATE)


def put_back(row: Discrepancy, *, note: str, actor: str) -> None:
    """Open a discrepancy again, which the caller has locked, with a note of who undid its resolution."""
    payouts.expect_again(row)
    done: dict[str, Any] = {"action": "undo", "note": note, "with": [], "until": None, "actor": actor}
    if row.status != Discrepancy.Status.RESOLVED:
        row.resolution = done
        row.save(update_fields=["resolution"])
        return
    # What was opened since about the same is what this one tells again.
    resolve_explained(row.merchant, [row.key])
    discrepancy.reopen(row, resolution=done)


def reopen_explained(merchant: Merchant, keys: Sequence[str], *, since: datetime | None = None) -> None:
    """Open what was explained under these keys (since a moment), the last time each."""
    for key in keys:
        rows = Discrepancy.objects.select_for_update(of=("self",)).select_related("merchant", "payment")
        last = rows.filter(merchant=merchant, key=key).order_by("-id").first()
        if last is None or last.status != Discrepancy.Status.RESOLVED or last.resolved_at is None:
            continue
        explained = (last.resolution or {}).get("action") == "explained"
        if explained and (since is None or last.resolved_at >= since):
            put_back(last, note="", actor=ACTOR)


def resolve_if_explained(row: Discrepancy) -> None:
    """Resolve a discrepancy that is open again, if what has come in meanwhile explains it."""
    if _is_explained(row):
        resolve_explained(row.merchant, [row.key])


def _is_explained(row: Discrepancy) -> bool:
    if row.kind == Kind.MISSING_IN_SETTLEMENT:
        return _is_settled(row.key.partition(":")[2])
    if row.kind in payouts.KINDS and row.item is not None:
        payout = Payout.objects.get(merchant=row.merchant, item=row.item)
        kind = Kind.PAYOUT_DIFFERS if payout.amount_received else Kind.PAYOUT_NOT_RECEIVED
        return payout.status != Payout.Status.ANNOUNCED or kind != row.kind
    if (banked := bank_line_of(row)) is not None:
        return row.kind == Kind.UNKNOWN_LINE and banked.state != BankStatementLine.State.SUSPENSE
    line = line_of(row)
    if line is None:
        return False
    if row.kind in _OF_LINES:
        return line.state not in UNEXPLAINED or kind_of(line.state, line.rule) != row.kind
    return row.kind == Kind.AMOUNT_DIFFERS and line.state != SettlementLine.State.MATCHED


def _is_settled(operation_id: str) -> bool:
    shown = SettlementLine.objects.filter(operation_id=operation_id, state=SettlementLine.State.MATCHED).exists()
    shown = (
        shown
        or BankStatementLine.objects.filter(operation_id=operation_id, state=BankStatementLine.State.PAYMENT).exists()
    )
    return shown or Operation.objects.filter(id=operation_id, reversed_at__isnull=False).exists()
