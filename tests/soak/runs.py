"""Tests as long runs: the same tests as `make test`, with a size and a seed of their own."""

import os
import random
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.soak.told import told
from tests.stack import PROJECT


def fresh_seed() -> int:
    """A seed nobody has tried; `SEED` in the environment repeats one."""
    return int(os.environ.get("SEED") or random.randrange(2**31))


def prove(
    soak: str, *paths: str, cases: int, sizes: Mapping[str, int | str], seed: int | None = None
) -> dict[str, Any]:
    """Run tests with these sizes in their environment; what fails tells on stderr how it is repeated."""
    seed = fresh_seed() if seed is None else seed
    given = {name: str(size) for name, size in sizes.items()} | {"SEED": str(seed)}
    options = ["-q", "-n", "2", "-p", "no:cacheprovider", f"--hypothesis-seed={seed}"]
    command = [sys.executable, "-m", "pytest", *options, *paths]
    environment = os.environ | given
    environment.pop("DJANGO_SETTINGS_MODULE", None)  # with it settings are read before the tests have their servers
    done = subprocess.run(command, cwd=PROJECT, env=environment, stdout=sys.stderr, check=False)
    again = " ".join(f"{name}={value}" for name, value in given.items())
    failed = [f"{again} .venv/bin/pytest --hypothesis-seed={seed} {' '.join(paths)}"] if done.returncode else []
    return told(soak, cases=cases, seed=seed, violations=failed)
