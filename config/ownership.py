"""Who owns the tables, and which processes may act as that role: those that migrate, back up and restore, and no other.

With servers of their own, the web, the stream and the workers are not told `DATABASE_OWNER_URL`. With the embedded
one they do not read the owner's password, but could: it lies in `secrets.json`, in the same account's home.
"""

import os
import sys
from collections.abc import Mapping
from typing import Final

from config import env
from config.standalone import embedded, home

COMMANDS: Final = ("migrate", "backup", "restore", "run")
WITHHELD: Final = ("DATABASE_OWNER_URL", "BACKUP_IDENTITY", "BACKUP_PASSPHRASE")  # from what `run` starts


def url() -> str:
    """Where to connect as the owner; "" in a process that has no business with it."""
    given = env.text("DATABASE_OWNER_URL") or env.text("DATABASE_URL")
    if given or not is_for_owner(sys.argv):
        return given
    return embedded.Postgres(home.home()).url(embedded.OWNER)


def is_for_owner(arguments: list[str]) -> bool:
    """Tell whether this command line is one of those."""
    return len(arguments) > 1 and arguments[1] in COMMANDS


def without(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for everybody else."""
    return {name: value for name, value in environment.items() if name not in WITHHELD}
