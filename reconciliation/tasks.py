"""Reconciliation's bells and sweeps; settings route them to `batch`, so that a long import never delays a refund."""

from celery import shared_task

from reconciliation.services import export_schedules as scheduling
from reconciliation.services import fill_outboxes as filling
from reconciliation.services import forget_files as forgetting
from reconciliation.services import import_file as importing
from reconciliation.services import make_export as exporting
from reconciliation.services import overdue
from reconciliation.services import put_exports as putting
from reconciliation.services import read_sources as reading
from reconciliation.services import rematch as rematching
from reconciliation.services import send_documents as sending


@shared_task(name="reconciliation.import_file")
def import_file(file_id: str) -> None:
    """Import one file."""
    importing.import_file(file_id)


@shared_task(name="reconciliation.import_due")
def import_due() -> int:
    """Import what no task came for (beat: every few seconds)."""
    return importing.import_due()


@shared_task(name="reconciliation.read_sources")
def read_sources() -> int:
    """Read the payouts that providers have announced (beat: every few seconds)."""
    return reading.read_due()


@shared_task(name="reconciliation.look_for_payouts")
def look_for_payouts() -> int:
    """Ask for payouts whose announcement got lost (beat: every hour)."""
    return reading.look_for_lost()


@shared_task(name="reconciliation.rematch")
def rematch() -> int:
    """Match again what was unexplained (beat: every minute)."""
    return rematching.rematch()


@shared_task(name="reconciliation.raise_overdue")
def raise_overdue() -> int:
    """Raise what should have come by now (beat: every hour)."""
    return overdue.raise_overdue()


@shared_task(name="reconciliation.forget_files")
def forget_files() -> int:
    """Delete files that were stored and never committed (beat: every hour)."""
    return forgetting.forget_files()


@shared_task(name="reconciliation.fill_outboxes")
def fill_outboxes() -> int:
    """Put what may be sent to accountants into their outboxes (beat: every five minutes)."""
    return filling.fill_outboxes()


@shared_task(name="reconciliation.send_to_accountants")
def send_to_accountants() -> int:
    """Send what is due to the accountant's software (beat: every few seconds)."""
    return sending.send_due()


@shared_task(name="reconciliation.send_connector")
def send_connector(connector_id: str) -> None:
    """Send what is due of one connector."""
    sending.send(connector_id)


@shared_task(name="reconciliation.make_export")
def make_export(export_id: str) -> None:
    """Make one export."""
    exporting.make_export(export_id)


@shared_task(name="reconciliation.make_exports_due")
def make_exports_due() -> int:
    """Make exports that no task came for (beat: every few seconds)."""
    return exporting.make_due()


@shared_task(name="reconciliation.put_exports")
def put_exports() -> int:
    """Put exports onto their schedules' servers (beat: every minute)."""
    return putting.put_due()


@shared_task(name="reconciliation.request_scheduled")
def request_scheduled() -> int:
    """Ask for the exports whose day or month is over (beat: every few minutes)."""
    return scheduling.request_due()
