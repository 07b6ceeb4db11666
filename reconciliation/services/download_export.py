"""Hand out the file of an export, and write down who fetched it."""

from django.core.files.base import File

from payments import audit_log
from payments.core.errors import Conflict
from payments.people.permissions import May
from payments.people.services import authority
from reconciliation.models import Export


def open_export(export: Export, *, actor: str) -> File[bytes]:
    """Return the open file of an export that is ready.

    Raises:
        Conflict: `export_not_ready`.
        Forbidden: `permission_missing`.
    """
    authority.require_of_person(
        actor=actor, what=May.SEE_BOOKS, merchant_id=export.merchant_id, channel_id=None, action="export.downloaded"
    )
    if export.status != Export.Status.READY:
        raise Conflict("export_not_ready", "There is no file: the export is being made, or was not released.")
    file: File[bytes] = export.file.open("rb")
    audit_log.write(
        actor=actor,
        action="export.downloaded",
        subject=export,
        merchant_id=export.merchant_id,
        after={"sha256": export.sha256},
    )
    return file
