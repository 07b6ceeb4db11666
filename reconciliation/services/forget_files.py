"""Files on the disk that no row names, because the process died between storing one and committing its row.

Each upload is stored under the id of its row, so that a file without a row is recognized by its name; sending it again
stores it again. Files that were not masked or not received completely are deleted after an hour.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.core.files.storage import Storage
from django.utils import timezone

from payments.core.ids import is_id
from payments.runtime.sweeps import Sweep
from reconciliation.models import Export, SettlementFile
from reconciliation.models.export import FOLDER as EXPORTS
from reconciliation.models.settlement_file import FOLDER, INCOMING
from reconciliation.services.arriving import ARRIVING, SUFFIX

UNCOMMITTED: Final = timedelta(days=1)  # far longer than any upload takes
UNMASKED: Final = timedelta(hours=1)
AT_ONCE: Final = 500

# Where files are named by their rows, of which table, with which ids, and how long one may be without.
_FOLDERS: Final = (
    (FOLDER, SettlementFile, "stl", UNCOMMITTED),
    (INCOMING, SettlementFile, "stl", UNMASKED),
    (EXPORTS, Export, "exp", UNCOMMITTED),
)

logger = logging.getLogger(__name__)


def forget_files(*, now: datetime | None = None) -> int:
    """Delete files that no row has named for a day (beat). Return how many."""
    storage = SettlementFile._meta.get_field("file").storage
    gone, sweep = 0, Sweep("reconciliation.forget_file")
    for name, before in _unnamed(storage, now or timezone.now()):
        if name not in sweep.resting:
            with sweep.item(name):
                gone += _forget(storage, name, before)
    return gone


def _unnamed(storage: Storage, moment: datetime) -> Iterator[tuple[str, datetime]]:
    """Files that no row names, and since when each must lie there to be deleted."""
    for folder, model, prefix, patience in _FOLDERS:
        for names in _names(storage, folder, prefix):
            yield from ((name, moment - patience) for name in sorted(set(names) - _known(model, names)))
    arriving = (name for name in _listed(storage, ARRIVING)[1] if name.endswith(SUFFIX))
    yield from ((f"{ARRIVING}/{name}", moment - UNMASKED) for name in arriving)


def _forget(storage: Storage, name: str, before: datetime) -> bool:
    try:
        # Asked last: the list of names was made before, and an upload may just be writing this one.
        if storage.get_modified_time(name) >= before:
            return False
    except FileNotFoundError:  # it has come in, or another sweep was here
        return False
    storage.delete(name)
    logger.warning("%s was stored and never committed; it is deleted.", name)
    return True


def _names(storage: Storage, above: str, prefix: str) -> Iterator[list[str]]:
    """Whatever was named by its row's id, some at a time; nothing else is ours to delete."""
    for merchant in _listed(storage, above)[0]:
        folder = f"{above}/{merchant}"
        # Only names of our making: whatever an operator put there stays.
        names = [f"{folder}/{name}" for name in _listed(storage, folder)[1] if is_id(name, prefix)]
        yield from (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))


def _known(model: type[SettlementFile | Export], names: list[str]) -> set[str]:
    rows = model.objects.filter(id__in=[name.rpartition("/")[2] for name in names])
    return set(rows.values_list("file", flat=True))


def _listed(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    try:
        return storage.listdir(folder)
    except FileNotFoundError:
        return [], []
