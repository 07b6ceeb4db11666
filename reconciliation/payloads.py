"""How files, payouts and connectors look to the outside: the same in API answers, events and the command's output."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.conf import settings

from payments.models import Channel, Merchant
from payments.payloads import Shape, channel_ref, day, instant
from reconciliation.closing import Check, Scope, State
from reconciliation.forecast import FeeRate, Forecast, Leaving, OwedBy
from reconciliation.models import (
    BankAccount,
    Connector,
    ConnectorEntry,
    Export,
    FileMapping,
    Payout,
    PeriodChange,
    SettlementFile,
)


def settlement_file(row: SettlementFile) -> Shape:
    """One file; needs its merchant. `gross` less `fees` is `net`; `vat` is the VAT included in the fees."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "name": row.name or None,
        "format": row.format,
        "status": row.status,
        "duplicate_of": row.duplicate_of_id,
        "provider_account": row.provider_account_id,
        "lines": row.lines,
        "currency": row.currency,
        "opening": row.opening,
        "closing": row.closing,
        "gross": row.gross,
        "fees": row.fees,
        "vat": row.vat,
        "net": row.net,
        "problems": row.problems,
        "created_at": instant(row.created_at),
        "finished_at": instant(row.finished_at),
        "test_mode": row.merchant.test_mode,
    }


def bank_account(row: BankAccount) -> Shape:
    """One plain bank account; needs its merchant."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "iban": row.iban,
        "name": row.name,
        "currency": row.currency,
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def export(row: Export) -> Shape:
    """One export, as `exports` has it."""
    (shape,) = exports([row])
    return shape


def exports(rows: Iterable[Export]) -> list[Shape]:
    """Exports; need their merchants. `url` is there when one is ready, and takes a key of the same merchant."""
    listed = list(rows)
    channels = Channel.objects.in_bulk({row.channel_id for row in listed if row.channel_id})
    return [_export(row, channels.get(row.channel_id or "")) for row in listed]


def _export(row: Export, channel: Channel | None) -> Shape:
    ready = row.status == Export.Status.READY
    return {
        "id": row.id,
        "object": row.OBJECT,
        "kind": row.kind,
        "profile": row.profile or None,
        "from": day(row.first),
        "to": day(row.last),
        "currency": row.currency,
        "account": row.account or None,
        "channel": None if channel is None else channel_ref(channel),
        "status": row.status,
        "entries": row.entries,
        "postings": row.postings,
        "first_entry": row.first_entry,
        "last_entry": row.last_entry,
        "entries_sha256": row.entries_sha256 or None,
        "opening": row.opening,
        "closing": row.closing,
        "debit": row.debit,
        "credit": row.credit,
        "problems": row.problems,
        "size": row.size if ready else None,
        "sha256": row.sha256 or None,
        "url": f"{settings.PUBLIC_URL}/v1/exports/{row.id}/file" if ready else None,
        "created_at": instant(row.created_at),
        "finished_at": instant(row.finished_at),
        "test_mode": row.merchant.test_mode,
    }


def payout(row: Payout) -> Shape:
    """One payout; needs its merchant and settlement."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "provider_account": row.provider_account_id,
        "settlement_file": row.settlement.file_id,
        "reference": row.reference,
        "amount": row.amount,
        "amount_received": row.amount_received,
        "currency": row.currency,
        "status": row.status,
        "expected_on": day(row.expected_on),
        "received_on": day(row.received_on),
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def file_mapping(row: FileMapping) -> Shape:
    """One file mapping; needs its merchant."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "name": row.name,
        "kind": "settlement",  # of mappings that were made when there was no other kind
        "provider_account": row.provider_account_id,
        "bank_account": row.bank_account_id,
        **row.definition,
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def close(state: State) -> Shape:
    """A day of a channel or a month of a merchant, with its checklist and all that was decided about it."""
    return {
        "object": "close",
        **close_members(state.scope, state.checks),
        "status": state.status.value,
        "history": [_period_change(row) for row in state.changes],
        "test_mode": state.scope.merchant.test_mode,
    }


def close_members(scope: Scope, checks: Iterable[Check]) -> Shape:
    """What a close and the refusal of one have in common: `date` or `month`, the channel, the checklist."""
    return {
        "date" if scope.channel is not None else "month": scope.name,
        "channel": None if scope.channel is None else channel_ref(scope.channel),
        "checklist": [
            {"check": each.check, "passed": each.passed, "detail": each.detail, "count": each.count} for each in checks
        ],
    }


def _period_change(row: PeriodChange) -> Shape:
    return {
        "status": row.status,
        "at": instant(row.at),
        "by": row.actor,
        "approved_by": row.approved_by or None,
        "operator": row.operator or None,
        "reason": row.reason or None,
    }


def connector(row: Connector) -> Shape:
    """One connector, never its credentials; needs its merchant and `queries.with_outbox`."""
    counts: Any = row
    return {
        "id": row.id,
        "object": row.OBJECT,
        "kind": row.kind,
        "name": row.name,
        "status": row.status,
        "administration": row.administration or None,
        "settings": row.settings,
        "sends": row.sends,
        "days": row.days,
        "starts_on": day(row.starts_on),
        "error": _error(row.error_code, row.error_detail),
        "last_run_at": instant(row.last_run_at),
        "pending": counts.pending,
        "sent": counts.sent,
        "failed": counts.failed,
        "created_at": instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def connector_entry(row: ConnectorEntry) -> Shape:
    """One entry of the books in a connector's outbox; needs its document."""
    document = row.document
    return {
        "id": row.id,
        "object": row.OBJECT,
        "entry": row.entry_id,
        "key": document.key,
        "book_date": day(document.book_date),
        "currency": row.currency,
        "status": document.status,
        "remote_id": document.remote_id or None,
        "attempts": document.attempts,
        "error": _error(document.error_code, document.error_detail),
        "sent_at": instant(document.sent_at),
    }


def _error(code: str, detail: str) -> Shape | None:
    return {"code": code, "detail": detail} if code else None


def forecast(found: Forecast) -> Shape:
    """What providers owe: each account with what it is made of, the refunds that leave the bank, and the sums of the
    days to come by currency.
    """
    flow: dict[tuple[date, str], int] = defaultdict(int)
    for owed in found.owed:
        for when, amount in owed.by_day().items():
            flow[when, owed.currency] += amount
    for of, amount in found.leaving_by_day().items():
        flow[of] -= amount
    return {
        "object": "forecast",
        "from": day(found.first),
        "to": day(found.last),
        "accounts": [_owed(owed) for owed in found.owed],
        "refunds": [_leaving(each) for each in found.leaving],
        "cash_flow": [
            {"date": day(when), "currency": currency, "amount": amount}
            for (when, currency), amount in sorted(flow.items())
            if when <= found.last
        ],
        "test_mode": found.merchant.test_mode,
    }


def _leaving(each: Leaving) -> Shape:
    return {
        "currency": each.currency,
        "bank_iban": each.iban or None,
        "date": day(each.on),
        "overdue": each.overdue,
        "ordered": each.ordered,
        "transfers": each.transfers,
        "amount": each.amount,
    }


def _owed(owed: OwedBy) -> Shape:
    account = owed.account
    return {
        "provider_account": {"id": account.id, "provider": account.provider, "name": account.name},
        "currency": owed.currency,
        "bank_iban": owed.iban or None,
        "owed": owed.total(),
        "overdue": owed.total(overdue=True),
        "undated": owed.total(dated=False),
        "delay": {"bank_days": owed.delay.bank_days, "source": owed.delay.source, "payouts": owed.delay.payouts},
        "expected": [
            {
                "date": day(each.on),
                "overdue": each.overdue,
                "sold_on": day(each.sold_on),
                "payout": each.payout.id if each.payout is not None else None,
                "items": each.items,
                "amount": each.amount,
                "fees": each.fees,
                "net": each.net,
            }
            for each in owed.expected
        ],
    }


def fees(merchant: Merchant, rates: Iterable[FeeRate]) -> Shape:
    """What was charged by method and brand. Rates are in hundredths of a percent, the VAT on fees left out."""
    return {"object": "fees", "rates": [_fee_rate(rate) for rate in rates], "test_mode": merchant.test_mode}


def _fee_rate(rate: FeeRate) -> Shape:
    account, row = rate.account, rate.charged
    return {
        "provider_account": {"id": account.id, "provider": account.provider, "name": account.name},
        "currency": row.currency,
        "method": row.method,
        "brand": row.brand or None,
        "sales": row.sales,
        "gross": row.gross,
        "fees": row.fee,
        "vat": row.vat,
        "effective_basis_points": rate.effective,
        "contract": None
        if rate.agreed is None
        else {"fixed": rate.agreed.get("fixed", 0), "basis_points": rate.agreed.get("basis_points", 0)},
        "contract_fees": rate.agreed_fee,
    }
