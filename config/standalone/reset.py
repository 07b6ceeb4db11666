"""Delete an installation's data (`FRESH=1`), unless a live merchant exists."""

import shutil

from django.conf import settings
from django.db import connections
from django.db.backends.utils import CursorWrapper

from config import sql

# The files of an installation beside the database; its secrets stay.
_LEFTOVERS = ("simulator*", "demo*", "files", "beat-schedule*")


class LiveMerchant(Exception):
    """There is a live merchant, whose books must be kept by law."""


def delete_everything() -> None:
    """Drop every table and file of this installation."""
    with connections["owner"].cursor() as cursor:
        refuse_if_live(cursor, "Use another ONETILL_HOME.")
        sql.drop_everything(cursor)
    for pattern in _LEFTOVERS:
        for path in settings.ONETILL_HOME.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def refuse_if_live(cursor: CursorWrapper, instead: str) -> None:
    """Raise LiveMerchant if there is one; `instead` is the advice in its text."""
    if sql.has_live_merchant(cursor):
        raise LiveMerchant(f"Refused: a live merchant's books are here, and the law wants them kept. {instead}")
