"""Put exports onto the servers of their schedules by SFTP, and again while that fails."""

import datetime as dt
import json
import logging
from typing import Final

from django.db.models import F
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict
from payments.people.permissions import May
from payments.people.services import authority
from payments.runtime.sweeps import Sweep
from reconciliation.models import Export, ExportSchedule
from reconciliation.services import sftp
from reconciliation.services.deliver_export import file_name
from reconciliation.sql import session

WORK: Final = "reconciliation.put_export"
AT_ONCE: Final = 20
# How long it rests after each failure; after one more a person has it handed over again. Four days in all, so that a
# server that is off over a weekend gets its files.
PAUSES: Final = tuple(dt.timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, *(360,) * 15))

logger = logging.getLogger(__name__)


def put_due() -> int:
    """Put what is due onto its server (beat). Return how many arrived."""
    sweep, arrived = Sweep(WORK), 0
    due = Export.objects.filter(delivery_due_at__lte=timezone.now()).exclude(id__in=sweep.resting)
    for export_id, merchant_id in list(due.order_by("delivery_due_at").values_list("id", "merchant_id")[:AT_ONCE]):
        with sweep.item(export_id, merchant_id=merchant_id), session.session_lock(f"put:{export_id}") as free:
            arrived += free and _put(export_id)
    return arrived


def put_again(export: Export, *, actor: str) -> None:
    """Have an export that was given up put onto its server again.

    Raises:
        Forbidden: `permission_missing`.
        Conflict: `nothing_to_hand_over`.
    """
    action = "export.handed_over_again"
    authority.require_of_person(
        actor=actor, what=May.RESOLVE, merchant_id=export.merchant_id, channel_id=None, action=action
    )
    given_up = Export.objects.filter(id=export.id, delivery_due_at=None, delivered_at=None).exclude(delivery_error="")
    if not given_up.update(delivery_due_at=timezone.now(), delivery_attempts=0):
        raise Conflict("nothing_to_hand_over", "This export was handed over, or is about to be.")
    audit_log.write(actor=actor, action=action, subject=export, merchant_id=export.merchant_id)


def server_of(schedule: ExportSchedule) -> sftp.Server:
    """Return the server of a schedule, with what is signed in by."""
    return sftp.Server(
        host=schedule.host,
        port=schedule.port or sftp.PORT,
        user=schedule.user,
        folder=schedule.folder,
        host_key=schedule.host_key,
        **json.loads(schedule.sign_in or "{}"),
    )


def _put(export_id: str) -> bool:
    export = Export.objects.select_related("schedule", "merchant").get(id=export_id)
    if export.delivery_due_at is None or export.schedule is None:  # another worker was here first
        return False
    try:
        with export.file.open("rb") as source:
            sftp.put(server_of(export.schedule), file_name(export), source)
    except sftp.SftpFailed as failure:
        _rest(export, failure.code)
        return False
    Export.objects.filter(id=export.id).update(
        delivered_at=timezone.now(),
        delivery_due_at=None,
        delivery_error="",
        delivery_attempts=F("delivery_attempts") + 1,
    )
    return True


def _rest(export: Export, code: str) -> None:
    failed = export.delivery_attempts
    due_at = timezone.now() + PAUSES[failed] if failed < len(PAUSES) else None
    Export.objects.filter(id=export.id).update(
        delivery_attempts=failed + 1, delivery_due_at=due_at, delivery_error=code
    )
    logger.warning("%s was not put onto its server: %s", export.id, code)
