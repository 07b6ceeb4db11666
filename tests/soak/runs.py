"""Tests as long runs: the same tests as `make test`, with a size and a seed of their own."""

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.soak.report import report
from tests.stack import PROJECT


def fresh_seed() -> int:
    """A seed nobody has tried; `SEED` in the environment repeats one."""
    return int(os.environ.get("SEED") or random.randrange(2**31))


@contextmanager
def folder() -> Iterator[Path]:
    """A place for servers that nobody else uses."""
    with tempfile.TemporaryDirectory(prefix="onetill-soak-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # the servers' own user must reach what lies below
        yield Path(name)


def prove(
    soak: str, *paths: str, cases: int, sizes: Mapping[str, int | str], seed: int | None = None
) -> dict[str, Any]:
    """Run tests with these sizes in their environment; what fails tells on stderr how it is repeated."""
    seed = fresh_seed() if seed is None else seed
    given = {name: str(size) for name, size in sizes.items()} | {"SEED": str(seed)}
    # One test is as long here as its sizes make it, and not the ten minutes in which a test of `make test` ends.
    options = ["-q", "-p", "no:cacheprovider", "--timeout=0", f"--hypothesis-seed={seed}"]
    command = [sys.executable, "-m", "pytest", *options, *paths]
    with folder() as servers:
        environment = os.environ | given | {"TMPDIR": str(servers)}
        environment.pop("DJANGO_SETTINGS_MODULE", None)  # with it settings are read before the tests have their servers
        done = subprocess.run(command, cwd=PROJECT, env=environment, stdout=sys.stderr, check=False)
    again = " ".join(f"{name}={value}" for name, value in given.items())
    failed = (
        [f"{again} .venv/bin/pytest --timeout=0 --hypothesis-seed={seed} {' '.join(paths)}"] if done.returncode else []
    )
    return report(soak, cases=cases, seed=seed, violations=failed)
