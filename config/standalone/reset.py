"""Start anew (`FRESH=1`), unless somebody's real money is in the books."""

import shutil

from django.conf import settings
from django.db import connections
from django.db.backends.utils import CursorWrapper

from config import sql

# What an installation may hold beside the database; its secrets stay.
_LEFTOVERS = ("simulator*", "demo*", "files", "beat-schedule*")


class LiveMerchant(Exception):
    """There is a live merchant: its books are kept by law."""


def start_anew() -> None:
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
    """Refuse where somebody's real money is in the books; `instead` is what to do."""
    if sql.has_live_merchant(cursor):
        raise LiveMerchant(f"Refused: a live merchant's books are here, and the law wants them kept. {instead}")
