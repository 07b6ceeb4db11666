"""File mappings: made, changed and deleted, tried on a file, and found for one that is imported."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, BinaryIO, Final

from django.db import IntegrityError, transaction

from payments import audit_log
from payments.core.errors import Fault, NotFound, ValidationFailed
from payments.core.input_faults import unknown
from payments.core.money import Money
from payments.models import Merchant, ProviderAccount
from payments.people.permissions import May
from payments.people.services import authority
from payments.services.idempotency import IdempotencyGuard
from reconciliation import registry
from reconciliation.formats import layout
from reconciliation.formats.archive import documents
from reconciliation.formats.base import (
    Problem,
    Record,
    SettlementLine,
    SettlementTrailer,
    StatementLine,
    Unreadable,
)
from reconciliation.formats.layout import BANK, CREDIT, DEBIT, SETTLEMENT, Layout
from reconciliation.formats.mapped import MappedSettlement
from reconciliation.formats.mapped_bank import MappedStatement
from reconciliation.models import BankAccount, FileMapping

# Whose files a mapping describes: a provider's settlements, or the movements of an account at a bank.
Account = ProviderAccount | BankAccount

PREFIX: Final = "map_"
PREVIEWED: Final = 50  # rows
MOST_PROBLEMS: Final = 100
MOST_BYTES: Final = 5_000_000  # of an example
_PARTS: Final = ("format", "encoding", "delimiter", "decimal", "date_format", "header_row", "sheet", "sign", "fees")
_DEFAULTS: Final[dict[str, Any]] = {
    "kind": SETTLEMENT,
    "format": "csv",
    "encoding": "utf-8",
    "delimiter": ";",
    "decimal": ",",
    "date_format": "DD-MM-YYYY",
    "header_row": 1,
    "sheet": "",
    "sign": "signed",
    "fees": "positive",
    "columns": {},
    "types": {},
}


@dataclass(slots=True)
class Preview:
    """What a mapping makes of a file."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def create(
    *,
    account: Account,
    name: str,
    definition: Mapping[str, Any],
    actor: str,
    guard: IdempotencyGuard | None = None,
) -> FileMapping:
    """Store a mapping for the files of a provider account, or (of kind `bank`) of a bank account.

    Raises:
        ValidationFailed: what of it cannot be used, or a name that another mapping has.
        Forbidden: `permission_missing`; so do all below.
    """
    _require(actor, account.merchant_id, "created")
    row = FileMapping(merchant_id=account.merchant_id, name=name, definition=checked(definition, account))
    row.account = account
    with transaction.atomic():
        if guard is not None:
            guard.begin(row.id)
        _save(row, force_insert=True)
        _log("created", row, actor, after=_snapshot(row))
    return row


def update(
    *,
    mapping: FileMapping,
    actor: str,
    name: str | None = None,
    account: Account | None = None,
    definition: Mapping[str, Any] | None = None,
) -> FileMapping:
    """Change what is given; parts of the definition that are not given stay.

    Raises:
        ValidationFailed: as for `create`.
    """
    _require(actor, mapping.merchant_id, "updated")
    with transaction.atomic():
        row = FileMapping.objects.select_for_update().filter(id=mapping.id).first()
        if row is None:
            raise NotFound("There is no such file mapping.")
        before = _snapshot(row)
        row.name = name if name is not None else row.name
        row.account = account or row.account
        row.definition = checked({**row.definition, **(definition or {})}, row.account)
        _save(row)
        _log("updated", row, actor, before=before, after=_snapshot(row))
    return row


def delete(*, mapping: FileMapping, actor: str) -> None:
    """Delete a mapping; what was imported by it stays."""
    _require(actor, mapping.merchant_id, "deleted")
    with transaction.atomic():
        _log("deleted", mapping, actor, before=_snapshot(mapping))
        FileMapping.objects.filter(id=mapping.id).delete()


def checked(definition: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """Return the whole definition of a mapping for the files of an account, with what was left out.

    Raises:
        ValidationFailed: each thing that cannot be used, with its place.
    """
    whole = {**_DEFAULTS, **definition}
    strange = sorted(set(whole) - set(_DEFAULTS))
    faults = [Fault(name[:64], "unknown_field", unknown(name, _DEFAULTS)) for name in strange]
    faults += [Fault(place, "mapping_invalid", detail) for place, detail in layout.faults(whole)]
    at_bank = isinstance(account, BankAccount)
    if whole["kind"] in (SETTLEMENT, BANK) and at_bank != (whole["kind"] == BANK):
        detail = "A mapping of kind bank is for a bank account (bank_account), any other for a provider account."
        faults.append(Fault("kind", "mapping_invalid", detail))
    if faults:
        raise ValidationFailed(faults)
    return whole


def preview(*, account: Account, definition: Mapping[str, Any], file: BinaryIO, name: str) -> Preview:
    """Try a definition on a file and return its first rows, and everything that it cannot read.

    Raises:
        ValidationFailed: as for `create`, or an example that is too large.
    """
    whole = checked(definition, account)
    if file.seek(0, 2) > MOST_BYTES:
        detail = f"An example has at most {MOST_BYTES // 1_000_000} MB. Cut it to some hundred rows."
        raise ValidationFailed([Fault("file", "file_too_large", detail)])
    file.seek(0)
    made, reader = Preview(), _reader("preview", whole, account, "preview")
    try:
        for _, document in documents(file, name, most_bytes=MOST_BYTES * 20, sheet=whole["sheet"]):
            for record in reader.parse(document):
                _show(record, made)
                if len(made.problems) >= MOST_PROBLEMS:
                    return made
    except Unreadable as end:
        made.problems.append(end.problem)
    return made


def check_format(merchant: Merchant, code: str) -> None:
    """Refuse a format that is neither known here nor a mapping of the merchant.

    Raises:
        ValidationFailed: `format_unknown`.
    """
    if code.startswith(PREFIX):
        named(merchant.id, code)
    else:
        registry.named(code)


def named(merchant_id: str, code: str) -> MappedSettlement | MappedStatement:
    """Return the reader of a mapping.

    Raises:
        ValidationFailed: the merchant has no such mapping.
    """
    row = FileMapping.objects.filter(id=code, merchant_id=merchant_id).select_related(*_NEEDED).first()
    if row is None:
        raise ValidationFailed([Fault("format", "format_unknown", "There is no such file mapping of this merchant.")])
    return reader_of(row)


def sheet_of(merchant_id: str, code: str) -> str:
    """Return the sheet that a mapping reads, "" for the first one with rows."""
    row = FileMapping.objects.filter(id=code, merchant_id=merchant_id).first() if code.startswith(PREFIX) else None
    return "" if row is None else str(row.definition["sheet"])


def recognized(merchant_id: str, head: bytes, name: str, *, workbook: bool) -> list[MappedSettlement | MappedStatement]:
    """Return the readers of the merchant's mappings whose columns a file has."""
    rows = FileMapping.objects.filter(merchant_id=merchant_id).select_related(*_NEEDED).order_by("id")
    readers = [reader_of(row) for row in rows if (row.definition["format"] == "xlsx") == workbook]
    return [reader for reader in readers if reader.identify(head, name)]


def reader_of(row: FileMapping) -> MappedSettlement | MappedStatement:
    """Return the reader of a stored mapping; needs its account and merchant."""
    return _reader(row.id, row.definition, row.account, row.name)


def exported(row: FileMapping) -> dict[str, Any]:
    """Return a mapping as it is exported, to be imported for another account or merchant."""
    return {"object": FileMapping.OBJECT, "name": row.name, "kind": SETTLEMENT, **row.definition}


# By what rows of a preview are known.
KNOWN_BY: Final = (
    *("reference", "payment_reference", "order", "rrn", "tid", "authorization_code", "card"),
    *("description", "counterparty", "iban"),
)
_NEEDED: Final = ("provider_account", "bank_account", "merchant")


def _reader(
    code: str, definition: Mapping[str, Any], account: Account, name: str
) -> MappedSettlement | MappedStatement:
    found = _layout(definition, account, name)
    return (
        MappedStatement(code, found) if isinstance(account, BankAccount) else MappedSettlement(code, found, account.id)
    )


def _layout(definition: Mapping[str, Any], account: Account, name: str) -> Layout:
    parts = {part: definition[part] for part in _PARTS}
    types = {word.strip().casefold(): meaning for word, meaning in definition["types"].items()}
    return Layout(
        name=name,
        columns=definition["columns"],
        types=types,
        currency=account.currency,
        zone=account.merchant.zone,
        account=account.iban if isinstance(account, BankAccount) else "",
        **parts,
    )


def _show(record: Record, made: Preview) -> None:
    match record:
        case Problem():
            made.problems.append(record)
        case SettlementLine() if len(made.rows) < PREVIEWED:
            made.rows.append(_shown(record))
        case StatementLine() if len(made.rows) < PREVIEWED:
            made.rows.append(_moved(record))
        case SettlementTrailer():
            made.rows += islice(_payouts(record), max(0, PREVIEWED - len(made.rows)))


def _shown(line: SettlementLine) -> dict[str, Any]:
    named = {"reference": line.reference, "payment_reference": line.payment_reference, "order": line.order_reference}
    named |= {"rrn": line.rrn, "tid": line.tid, "authorization_code": line.authorization_code}
    named |= {"card": line.card_last4}
    costs = {"fee": line.fee.amount, "vat": line.vat.amount, "net": line.net.amount}
    return {**_without_costs(line.line, line.occurred_at.date(), line.type.value, line.gross), **costs, **named}


def _moved(line: StatementLine) -> dict[str, Any]:
    return {
        **_without_costs(line.line, line.booked_on, CREDIT if line.amount.amount >= 0 else DEBIT, line.amount),
        "reference": line.bank_reference,
        "description": line.remittance,
        "counterparty": line.counterparty_name,
        "iban": line.counterparty_iban,
    }


def _payouts(trailer: SettlementTrailer) -> Iterator[dict[str, Any]]:
    for one in trailer.transfers:
        yield {**_without_costs(one.line, one.on, layout.PAYOUT, one.amount), "reference": one.reference}


def _without_costs(line: int, on: date | None, meaning: str, amount: Money) -> dict[str, Any]:
    """A row that has nothing but an amount; what only others are known by stays empty."""
    return {
        "line": line,
        "date": on.isoformat() if on else "",
        "type": meaning,
        "amount": amount.amount,
        "currency": amount.currency,
        "fee": 0,
        "vat": 0,
        "net": amount.amount,
        **dict.fromkeys(KNOWN_BY, ""),
    }


def _save(row: FileMapping, *, force_insert: bool = False) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=force_insert)
    except IntegrityError:
        detail = "Another mapping has this name. Give it another, or change that one."
        raise ValidationFailed([Fault("name", "name_taken", detail)]) from None


def _require(actor: str, merchant_id: str, action: str) -> None:
    authority.require_of_person(
        actor=actor, what=May.RESOLVE, merchant_id=merchant_id, channel_id=None, action=f"file_mapping.{action}"
    )


def _snapshot(row: FileMapping) -> dict[str, Any]:
    return {"name": row.name, "account": row.account.id, "definition": row.definition}


def _log(action: str, row: FileMapping, actor: str, **details: Any) -> None:
    audit_log.write(actor=actor, action=f"file_mapping.{action}", subject=row, merchant_id=row.merchant_id, **details)
