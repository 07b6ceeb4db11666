"""Ask for an export: checked whole, written down, and left to a worker."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Fault, ValidationFailed
from payments.core.money import EXPONENTS
from payments.ledger.models import Account as LedgerAccount
from payments.models import Channel, Merchant
from payments.people.permissions import May
from payments.people.services import authority
from payments.runtime.task_queue import enqueue_on_commit
from payments.services.idempotency import IdempotencyGuard
from reconciliation import registry
from reconciliation.exports.base import ExportKind, fiscal_year
from reconciliation.models import Export, ExportSchedule

MAKE: Final = "reconciliation.make_export"
FIRST_DAY: Final = dt.date(2000, 1, 1)
LAST_DAY: Final = dt.date(2099, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What is asked for; days are inclusive, `account` is an account's id or code in the ledger."""

    merchant: Merchant
    kind: str
    first: dt.date
    last: dt.date
    profile: str = ""
    currency: str = ""
    account: str = ""
    channel: Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A request that can be carried out: its kind, and what was left out filled in."""

    kind: ExportKind
    profile: str
    account: str
    currency: str


def request_export(
    request: ExportRequest,
    *,
    actor: str,
    guard: IdempotencyGuard | None = None,
    schedule: ExportSchedule | None = None,
) -> Export:
    """Write down what is to be exported; a worker makes it.

    Raises:
        ValidationFailed: a kind, profile, account or span that cannot be.
        Forbidden: `permission_missing`.
    """
    authority.require_of_person(
        actor=actor, what=May.RESOLVE, merchant_id=request.merchant.id, channel_id=None, action="export.requested"
    )
    checked = check_request(request)
    export = Export(
        merchant=request.merchant,
        schedule=schedule,
        kind=checked.kind.code,
        profile=checked.profile,
        first=request.first,
        last=request.last,
        currency=checked.currency,
        account=checked.account,
        channel_id=request.channel.id if request.channel else None,
        actor=actor,
        due_at=timezone.now(),
    )
    with transaction.atomic():
        if guard is not None:
            guard.begin(export.id)
        export.save(force_insert=True)
        after = {"kind": export.kind, "from": request.first.isoformat(), "to": request.last.isoformat()}
        audit_log.write(
            actor=actor, action="export.requested", subject=export, merchant_id=request.merchant.id, after=after
        )
        enqueue_on_commit(MAKE, export.id)
    return export


def check_request(request: ExportRequest) -> Checked:
    """Fill in what was left out.

    Raises:
        ValidationFailed: a kind, profile, account or span that cannot be.
    """
    kind = kind_of(request.kind)
    account, currency = _account(request, kind)
    _refuse(_faults(request, kind, currency))
    profile = request.profile or next(iter(kind.profiles), "")
    return Checked(kind=kind, profile=profile, account=account, currency=currency)


def kind_of(code: str) -> ExportKind:
    """The kind of this code.

    Raises:
        ValidationFailed: there is none.
    """
    kinds = registry.export_kinds()
    if code not in kinds:
        raise ValidationFailed([Fault("kind", "invalid_choice", f"Send one of: {', '.join(kinds)}.")])
    return kinds[code]


def _account(request: ExportRequest, kind: ExportKind) -> tuple[str, str]:
    """The code of the account that a statement is of (else nothing), and the currency."""
    currency = request.currency or request.merchant.currency
    if not kind.of_one_account:
        _refuse([_only_beside(request.account, "account", "Only a statement is of one account: leave it out.")])
        return "", currency
    if not request.account:
        detail = "A statement is of one account. Send its id or code, as receivable:pac_…."
        raise ValidationFailed([Fault("account", "required", detail)])
    return _named_account(request, currency)


def _named_account(request: ExportRequest, currency: str) -> tuple[str, str]:
    rows = LedgerAccount.objects.filter(merchant_id=request.merchant.id)
    by_id = rows.filter(id=request.account).first()
    if by_id is not None and request.currency in ("", by_id.currency):
        return by_id.code, by_id.currency
    if by_id is None and (found := rows.filter(code=request.account, currency=currency).first()) is not None:
        return found.code, currency
    detail = "The merchant's books have no such account in this currency; GET /v1/ledger/accounts lists them."
    raise ValidationFailed([Fault("account", "not_found", detail)])


def _faults(request: ExportRequest, kind: ExportKind, currency: str) -> list[Fault | None]:
    return [
        *_profile_faults(request, kind),
        None if kind.by_channel else _only_beside(request.channel, "channel", f"{kind.code} is of the whole books."),
        _currency_fault(kind, currency),
        *_span_faults(request, kind),
    ]


def _profile_faults(request: ExportRequest, kind: ExportKind) -> list[Fault | None]:
    if not kind.profiles:
        return [_only_beside(request.profile, "profile", f"{kind.code} has no profiles: leave it out.")]
    wrong = request.profile and request.profile not in kind.profiles
    return [Fault("profile", "invalid_choice", f"Send one of: {', '.join(kind.profiles)}.") if wrong else None]


def _currency_fault(kind: ExportKind, currency: str) -> Fault | None:
    if EXPONENTS[currency] <= kind.most_decimals:
        return None
    detail = f"{kind.code} has {kind.most_decimals} decimals, fewer than {currency}. Send another kind."
    return Fault("currency", "currency_not_possible", detail)


def _span_faults(request: ExportRequest, kind: ExportKind) -> list[Fault | None]:
    plausible = [
        Fault(name, "out_of_range", f"Send a day from {FIRST_DAY} to {LAST_DAY}.")
        for name, day in (("from", request.first), ("to", request.last))
        if not FIRST_DAY <= day <= LAST_DAY
    ]
    if plausible:
        return [*plausible]
    if request.first > request.last:
        return [Fault("to", "span_invalid", "Send a last day (to) that is not before the first one (from).")]
    start = request.merchant.fiscal_year_start
    if kind.one_fiscal_year and fiscal_year(request.first, start) != fiscal_year(request.last, start):
        _, ends = fiscal_year(request.first, start)
        detail = f"An audit file is of one financial year. Send days until {ends}, and the others by themselves."
        return [Fault("to", "spans_years", detail)]
    return []


def _only_beside(value: object, param: str, detail: str) -> Fault | None:
    return Fault(param, "not_together", detail) if value else None


def _refuse(faults: list[Fault | None]) -> None:
    found = [fault for fault in faults if fault is not None]
    if found:
        raise ValidationFailed(found)
