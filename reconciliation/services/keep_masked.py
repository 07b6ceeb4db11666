"""Mask an uploaded file, in a worker, before anybody reads it: from then on no card number of it is on the disk.

It waits for no other import. A file that cannot be looked through (it takes too long, or its worker died again and
again) is refused, and nothing of it is kept.
"""

import logging
from typing import Final

from django.db.models import F
from django.utils import timezone

from payments.models import WorkFailure
from payments.runtime.fail_points import fail_point
from reconciliation.formats.base import Unreadable
from reconciliation.models import SettlementFile
from reconciliation.models.settlement_file import INCOMING, masked_name
from reconciliation.services.mask_file import masked_file
from reconciliation.sql import session

MOST_ATTEMPTS: Final = 5
WORK: Final = "reconciliation.import_file"

logger = logging.getLogger(__name__)


def keep_masked(file: SettlementFile) -> bool:
    """Mask the file, unless it was. Return whether it is masked; False: another worker is at it, or it is refused."""
    if not is_incoming(file):
        return True
    with session.session_lock(f"mask:{file.id}") as free:
        if not free:
            return False
        # Another worker may have masked it while this one waited for nothing: the lock is tried, not queued for.
        file.refresh_from_db()
        if is_incoming(file) and file.status == SettlementFile.Status.PROCESSING:
            _keep(file)
    return not is_incoming(file) and file.status == SettlementFile.Status.PROCESSING


def last_error(file_id: str) -> str:
    """Return the last error of its import, in brackets; "" if none is stored."""
    failed = WorkFailure.objects.filter(work=WORK, subject=file_id).first()
    return "" if failed is None else f" ({failed.error})"


def is_incoming(file: SettlementFile) -> bool:
    """Return whether the stored file is still the uploaded, unmasked one."""
    return str(file.file.name).startswith(f"{INCOMING}/")


def _keep(file: SettlementFile) -> None:
    # Before the work, in a statement of its own: if this process dies in it, the attempt counts.
    SettlementFile.objects.filter(id=file.id).update(attempts=F("attempts") + 1)
    if file.attempts >= MOST_ATTEMPTS:
        _refuse(file, f"Looking through it was cut short {MOST_ATTEMPTS} times{last_error(file.id)}.")
        return
    storage, incoming, name = file.file.storage, str(file.file.name), masked_name(file)
    try:
        storage.delete(name)  # of an attempt that died
        with storage.open(incoming, "rb") as stream, masked_file(stream) as (masked, file.masked):
            storage.save(name, masked)
    except Unreadable as error:
        _refuse(file, error.problem.detail)
        return
    fail_point("mask.kept")
    file.file.name, file.attempts = name, 0
    file.save(update_fields=["file", "masked", "attempts"])
    fail_point("mask.written")
    # Last: until the row names the masked file, the one that came in is all there is.
    storage.delete(incoming)


def _refuse(file: SettlementFile, why: str) -> None:
    """Refuse the file and delete it, as it may hold card numbers."""
    incoming, detail = str(file.file.name), f"{why} It was not stored: split it and send the parts."
    file.problems = [{"line": None, "code": "file_not_masked", "detail": detail}]
    file.status, file.file.name, file.due_at = SettlementFile.Status.REFUSED, "", None
    file.finished_at = timezone.now()
    file.save(update_fields=["problems", "status", "file", "due_at", "finished_at"])
    file.file.storage.delete(incoming)
    logger.warning("%s could not be masked; it is refused and not kept.", file.id)
