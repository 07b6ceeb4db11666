"""At every named point a process is killed, a defect strikes, something takes too long, the database is gone.

`make test` breaks each point in one way that `SEED` chooses; `CRASHES=100` (as in `make soak`) breaks every life at
every point that it passes, in every way, and less does so in that many of a hundred cases.
"""

import os
import random
from collections.abc import Iterator

import pytest

from payments.runtime.fail_points import POINTS
from tests import sql
from tests.faults.forging import Forge, forge
from tests.faults.lives import LIVES

MODES = ("kill", "exception", "timeout", "lost")
CRASHES = int(os.environ.get("CRASHES", "0"))  # of a hundred
SEED = int(os.environ.get("SEED") or 1)


def home(point: str) -> str:
    """The life in which a point is broken."""
    (life,) = [name for name, life in LIVES.items() if point.startswith(life.own)]
    return life


@pytest.fixture(scope="module")
def smithy(django_db_setup: None, simulator: object) -> Iterator[Forge]:
    """One forge for all of this file: each life has a shop of its own."""
    with forge() as running:
        yield running
    sql.empty(os.environ["DATABASE_OWNER_URL"])


def struck(smithy: Forge, life: str, point: str, mode: str, nth: int = 1) -> None:
    wrong = smithy.strike(life, point, mode, nth=nth)
    if wrong:
        sql.empty(os.environ["DATABASE_OWNER_URL"])  # what is stuck must not hold up the others
    assert wrong == [], f"SEED={SEED}: {life} broke at {point} ({mode}, passage {nth})"


@pytest.mark.skipif(CRASHES > 0, reason="others are tried")
@pytest.mark.parametrize("point", POINTS)
def test_whatever_breaks_there_is_mended(smithy: Forge, point: str) -> None:
    struck(smithy, home(point), point, random.Random(f"{SEED} {point}").choice(MODES))


@pytest.mark.skipif(not CRASHES, reason="make soak")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("life", LIVES)
def test_whatever_breaks_anywhere_is_mended(smithy: Forge, life: str) -> None:
    passed = smithy.passages(life)
    assert {point for point in POINTS if home(point) == life} <= set(passed)
    chance = random.Random(f"{SEED} {life}")
    for point, times in passed.items():
        for mode in [mode for mode in MODES if chance.random() * 100 < CRASHES]:
            struck(smithy, life, point, mode, chance.randint(1, times) if LIVES[life].steady else 1)
