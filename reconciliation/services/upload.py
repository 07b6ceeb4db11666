"""Accept an uploaded file: store it, recognize a duplicate, and enqueue the import."""

import hashlib
from typing import Final

from django.conf import settings
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from payments.core.errors import Invalid, TooLarge
from payments.core.pan import mask_card_numbers
from payments.models import Merchant, ProviderAccount
from payments.people.permissions import May
from payments.people.services import authority
from payments.runtime.fail_points import fail_point
from payments.runtime.task_queue import enqueue_on_commit
from payments.services.idempotency import IdempotencyGuard
from reconciliation.models import SettlementFile
from reconciliation.services import mappings

IMPORT: Final = "reconciliation.import_file"
_ACCEPTED: Final = (
    SettlementFile.Status.PROCESSING,
    SettlementFile.Status.IMPORTED,
    SettlementFile.Status.RECOGNIZED,
)


def upload(
    *,
    merchant: Merchant,
    file: File[bytes],
    name: str,
    actor: str,
    asked_format: str = "",
    provider_account: ProviderAccount | None = None,
    channel_id: str | None = None,
    guard: IdempotencyGuard | None = None,
) -> SettlementFile:
    """Keep the file and have it imported; the same bytes again make a `duplicate`, which changes nothing.

    It is stored as it came; a worker masks card numbers in it before anything else (`keep_masked`). The digest by which
    the file is known is that of what was sent.

    Raises:
        ValidationFailed: an unknown format.
        TooLarge: more than `MAX_IMPORT_MB`.
        Invalid: the provider account is another merchant's.
        Forbidden: `permission_missing`.
    """
    _check(merchant, provider_account, actor)
    if asked_format:
        mappings.check_format(merchant, asked_format)
    row = SettlementFile(
        merchant=merchant,
        provider_account=provider_account,
        channel_id=channel_id,
        name=mask_card_numbers(name)[:255],
        size=file.size,
        sha256=_digest(file),
        asked_format=asked_format,
        actor=actor,
        due_at=timezone.now(),
    )
    if row.size > settings.MAX_IMPORT_MB * 1_000_000:
        raise TooLarge("file_too_large", f"A file may have {settings.MAX_IMPORT_MB} MB. Split it by period.")
    earlier = _earlier(row)
    if earlier is not None:
        return _duplicate(row, earlier, guard)
    return _keep(row, file, guard)


def _keep(row: SettlementFile, file: File[bytes], guard: IdempotencyGuard | None) -> SettlementFile:
    row.file.save("file", file, save=False)
    fail_point("upload.kept")
    try:
        _insert(row, guard)
    except IntegrityError:  # the same file at the same moment: the database let one of them through
        row.file.delete(save=False)
        earlier = _earlier(row)
        if earlier is None:
            raise
        return _duplicate(row, earlier, guard)
    enqueue_on_commit(IMPORT, row.id)
    return row


def _check(merchant: Merchant, account: ProviderAccount | None, actor: str) -> None:
    authority.require_of_person(
        actor=actor, what=May.RESOLVE, merchant_id=merchant.id, channel_id=None, action="settlement_file.sent"
    )
    if account is not None and account.merchant_id != merchant.id:
        raise Invalid("not_found", "The merchant has no such provider account.", param="provider_account")


def _insert(row: SettlementFile, guard: IdempotencyGuard | None) -> None:
    with transaction.atomic():
        fail_point("upload.opened")
        if guard is not None:
            guard.begin(row.id)
        row.save(force_insert=True)
        fail_point("upload.written")
    fail_point("upload.committed")


def _earlier(row: SettlementFile) -> SettlementFile | None:
    same = SettlementFile.objects.filter(merchant=row.merchant, sha256=row.sha256, status__in=_ACCEPTED, partial=False)
    return same.order_by("id").first()


def _duplicate(row: SettlementFile, earlier: SettlementFile, guard: IdempotencyGuard | None) -> SettlementFile:
    """Store a row with the results of the earlier file, and no copy of its content."""
    row.status = SettlementFile.Status.DUPLICATE
    row.duplicate_of = earlier
    row.due_at = None
    row.finished_at = timezone.now()
    for name in ("format", "lines", "currency", "opening", "closing", "gross", "fees", "vat", "net"):
        setattr(row, name, getattr(earlier, name))
    _insert(row, guard)
    return row


def _digest(file: File[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
