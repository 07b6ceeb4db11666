"""Read payouts at the provider: started by its event, or found by an hourly search if the event was lost.

What is read becomes a settlement file, imported like an upload. Repeating any of it is harmless: a payout that is a
settlement already, or whose file is being imported, is not read again.
"""

import logging
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.core.files.base import File
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_noop

from payments.models import ProviderAccount, ProviderEvent
from payments.runtime.sweeps import Sweep
from payments.services.submit import credentials_of
from reconciliation import registry
from reconciliation.models import Announcement, Payout, Settlement, SettlementFile
from reconciliation.services.payouts import fail
from reconciliation.services.upload import upload
from reconciliation.sources.base import Source, SourceUnavailable

LEASE: Final = timedelta(minutes=10)  # longer than a long payout takes to be read
# A provider announces before its list is complete: soon at first, and after an hour no more often.
PATIENCE: Final = (10, 30, 60, 300, 900, 3600)  # seconds until the next attempt
LOST_WITHIN: Final = timedelta(
    days=14
)  # longer than any outage of ours, short enough for one page of the provider's list
AT_ONCE: Final = 20

logger = logging.getLogger(__name__)


def read_due() -> int:
    """Read the payouts that were announced, and those due for a retry. Return how many were looked at."""
    # From the stored events: an announcement that came while this was down is not lost.
    _store_announcements()
    sweep = Sweep("reconciliation.read_payout")
    due = _claim([int(subject) for subject in sweep.resting])
    for announcement_id, merchant_id in due:
        with sweep.item(str(announcement_id), merchant_id=merchant_id):
            _take(Announcement.objects.select_related("provider_account__merchant").get(id=announcement_id))
    return len(due)


def look_for_lost() -> int:
    """Search each account's recent payouts for unannounced ones, to be read. Return how many were found."""
    found, sweep = 0, Sweep("reconciliation.look_for_payouts")
    accounts = ProviderAccount.objects.filter(active=True).exclude(id__in=sweep.resting).order_by("id")
    for code, source in registry.sources().items():
        for account_id, merchant_id in accounts.filter(provider=code).values_list("id", "merchant_id"):
            with sweep.item(account_id, merchant_id=merchant_id):
                account = ProviderAccount.objects.select_related("merchant").get(id=account_id)
                found += _store_lost(source, account, timezone.now() - LOST_WITHIN)
    return found


def _store_announcements() -> None:
    """Store an announcement for each event that has none yet."""
    taken = Announcement.objects.filter(event_id=OuterRef("id"))
    events = ProviderEvent.objects.filter(
        ~Q(announces=""), ~Exists(taken), provider_account__provider__in=registry.sources()
    )
    rows = [
        Announcement(
            merchant_id=event.merchant_id,
            provider_account_id=event.provider_account_id,
            reference=event.announces,
            event_id=event.id,
            due_at=Now(),
        )
        for event in events.defer("body").order_by("id")[:AT_ONCE]
    ]
    Announcement.objects.bulk_create(rows, ignore_conflicts=True)


def _store_lost(source: Source, account: ProviderAccount, since: datetime) -> int:
    try:
        references = source.recent(credentials_of(account), since)
    except SourceUnavailable as trouble:
        logger.warning("payouts of %s cannot be read: %s", account.id, trouble.detail)
        return 0
    known = Announcement.objects.filter(provider_account=account, reference__in=references)
    lost = sorted(set(references) - set(known.values_list("reference", flat=True)))
    about = {"merchant_id": account.merchant_id, "provider_account": account, "due_at": Now()}
    rows = [Announcement(reference=reference, **about) for reference in lost]
    Announcement.objects.bulk_create(rows, ignore_conflicts=True)
    return len(lost)


def _claim(resting: Sequence[int]) -> list[tuple[int, str]]:
    """Lease what is due. Return (announcement, merchant) ids; concurrent sweeps get different ones."""
    with transaction.atomic():
        now = Now()  # by the database's clock: workers' clocks differ
        due = Announcement.objects.filter(due_at__lte=now).exclude(id__in=resting)
        free = due.select_for_update(of=("self",), skip_locked=True).order_by("due_at", "id")
        rows = list(free.values_list("id", "merchant_id")[:AT_ONCE])
        taken = Announcement.objects.filter(id__in=[row[0] for row in rows])
        taken.update(due_at=now + LEASE, attempts=F("attempts") + 1)
    return rows


def _take(announcement: Announcement) -> None:
    """Read one payout; if it cannot be read, plan a retry with growing pauses."""
    detail, done = gettext_noop("It could not be read; the log of the worker says why."), False
    try:
        detail, done = _read(announcement)
    except SourceUnavailable as trouble:
        detail = trouble.detail
    finally:
        patience = timedelta(seconds=PATIENCE[min(announcement.attempts, len(PATIENCE) - 1)])
        Announcement.objects.filter(id=announcement.id).update(
            detail=detail, file=announcement.file, due_at=None if done else Now() + patience
        )


def _read(announcement: Announcement) -> tuple[str, bool]:
    """Read one payout, unless it was. Return a detail for finance, and whether nothing is left to do."""
    account, reference = announcement.provider_account, announcement.reference
    source = registry.sources()[account.provider]
    state = source.look(reference, credentials_of(account))
    if state.complete is None:
        return gettext_noop("The provider does not tell what is in this payout; the bank statement shows it."), True
    if not state.complete:
        return "", False
    if not Settlement.objects.filter(provider_account=account, reference=reference).exists():
        announcement.file = _earlier_file(account, reference, source.format) or _fetched(source, account, reference)
    return "", not state.failed or _failed(account, reference)


def _earlier_file(account: ProviderAccount, reference: str, file_format: str) -> SettlementFile | None:
    """Return the file of an earlier reading, unless it was refused."""
    files = SettlementFile.objects.filter(provider_account=account, name=_name(reference), asked_format=file_format)
    return files.exclude(status=SettlementFile.Status.REFUSED).order_by("id").first()


def _fetched(source: Source, account: ProviderAccount, reference: str) -> SettlementFile:
    with tempfile.TemporaryFile() as stream:
        stream.writelines(source.lines(reference, credentials_of(account)))
        stream.seek(0)
        return upload(
            merchant=account.merchant,
            file=File(stream, name=_name(reference)),
            name=_name(reference),
            actor=f"provider:{account.id}",
            asked_format=source.format,
            provider_account=account,
        )


def _failed(account: ProviderAccount, reference: str) -> bool:
    """Book that the bank returned a payout. Return False while its settlement is not imported yet."""
    with transaction.atomic():
        payouts = list(Payout.objects.filter(provider_account=account, reference=reference))
        fail(payouts, at=timezone.now())
    return bool(payouts)


def _name(reference: str) -> str:
    # Some providers name a payout by the report that tells of it.
    return reference if reference.endswith(".csv") else f"{reference}.jsonl"
