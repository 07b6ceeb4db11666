"""Files on the disk that no row names, because the process died between storing one and committing its row.

Each upload is kept under the id of its row, so that one which never became a row is known by that. Whoever sends it
again has it stored anew.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.core.files.storage import Storage
from django.utils import timezone

from payments.ids import is_id
from payments.sweeping import Sweep
from reconciliation.models import SettlementFile
from reconciliation.models.settlement_file import FOLDER

UNCOMMITTED: Final = timedelta(days=1)  # far longer than any upload takes
AT_ONCE: Final = 500

logger = logging.getLogger(__name__)


def forget_files(*, now: datetime | None = None) -> int:
    """Delete what no row has named for a day (beat). Tell how many files that were."""
    storage = SettlementFile._meta.get_field("file").storage
    before = (now or timezone.now()) - UNCOMMITTED
    gone, sweep = 0, Sweep("reconciliation.forget_file")
    for names in _names(storage):
        for name in sorted(set(names) - _known(names) - set(sweep.resting)):
            with sweep.item(name):
                if storage.get_modified_time(name) < before:
                    storage.delete(name)
                    logger.warning("%s was stored and never committed; it is deleted.", name)
                    gone += 1
    return gone


def _names(storage: Storage) -> Iterator[list[str]]:
    """Whatever `upload_to` has named, some at a time; nothing else is ours to delete."""
    for merchant in _listed(storage, FOLDER)[0]:
        folder = f"{FOLDER}/{merchant}"
        names = [f"{folder}/{name}" for name in _listed(storage, folder)[1] if is_id(name, "stl")]
        yield from (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))


def _known(names: list[str]) -> set[str]:
    rows = SettlementFile.objects.filter(id__in=[name.rpartition("/")[2] for name in names])
    return set(rows.values_list("file", flat=True))


def _listed(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    try:
        return storage.listdir(folder)
    except FileNotFoundError:
        return [], []
