"""(p) One process that posts, against other Django ledgers: each in its documented way, and all one entry a call.

Our documented way is a list of entries; theirs is one at a time, they have no other. Each is installed by name into a virtual environment that is thrown away; where that cannot be done it is left out,
and the reason told.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import psycopg
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from config.standalone import embedded
from payments.core.ids import new_id
from payments.ledger.posting import post
from tests.benchmarks.books import captures
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Goal, Size, rate

PEERS: Final = {
    "hordak": ("django-hordak==2.0.0", Goal(5)),
    "django_ledger": ("django-ledger==0.8.5", Goal(50)),
}
PATIENCE: Final = 240  # seconds, for an installation and for a run


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    merchants = [new_id("mer")]
    post(captures(merchants))
    for name, (package, goal) in PEERS.items():
        try:
            many, one, theirs = _in_turn(size, name, package, merchants)
        except (subprocess.SubprocessError, OSError) as fault:
            print(f"{package} is left out: {_last_line(fault)}", file=sys.stderr)
        else:
            yield Figure(f"p.post_to_{name}", many, "entries/s", theirs, goal=goal)
            yield Figure(f"p.post_one_to_{name}", one, "entries/s", theirs)


def _in_turn(size: Size, name: str, package: str, merchants: list[str]) -> tuple[float, float, float]:
    batch = merchants * size.batch
    many, one, theirs = [], [], []
    with tempfile.TemporaryDirectory(prefix="onetill-peer-") as folder:
        python = _installed(Path(folder), package)
        for number in range(size.peer_rounds):
            many.append(rate(lambda: post(captures(batch)), size.seconds, each=size.batch))
            one.append(rate(lambda: post(captures(merchants)), size.seconds))
            theirs.append(_theirs(python, name, f"peer_{name}_{number}", size.seconds))
    return median(many), median(one), median(theirs)


def _installed(folder: Path, package: str) -> Path:
    python = folder / "bin" / "python"
    _call(sys.executable, "-m", "venv", str(folder))
    _call(str(python), "-m", "pip", "install", "--quiet", package, "psycopg[binary]")
    return python


def _theirs(python: Path, name: str, database: str, seconds: int) -> float:
    """A database of its own on the same server, by its superuser: one of them needs to make types."""
    url = embedded.Postgres(Path(settings.ONETILL_HOME)).url("postgres", "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(database)))
    parts = conninfo_to_dict(url)
    where = [str(parts.get("host", "")), str(parts["user"]), str(parts.get("password", "")), database]
    script = Path(__file__).with_name("peers") / f"post_with_{name}.py"
    return float(_call(str(python), str(script), str(seconds), *where).split()[-1])


def _call(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout


def _last_line(fault: Exception) -> str:
    lines = str(getattr(fault, "stderr", "") or fault).strip().splitlines()
    return lines[-1] if lines else type(fault).__name__
