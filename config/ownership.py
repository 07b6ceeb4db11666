"""The role that owns the tables, used only by processes that migrate, back up and restore.

With a server of your own, the web, the stream and the workers do not get `DATABASE_OWNER_URL`. With the embedded
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
    """Return the URL to connect as the owner; "" in a process that must not."""
    given = env.text("DATABASE_OWNER_URL") or env.text("DATABASE_URL")
    if given or not is_for_owner(sys.argv):
        return given
    return embedded.Postgres(home.home()).url(embedded.OWNER)


def is_for_owner(arguments: list[str]) -> bool:
    """Return whether this command line runs one of `COMMANDS`."""
    return len(arguments) > 1 and arguments[1] in COMMANDS


def without(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for all other processes."""
    return {name: value for name, value in environment.items() if name not in WITHHELD}
