"""Who shares what among the processes of `pytest -n`.

A file stays in one process, so that what it starts is started once. All files that use the installation count as one:
it takes twenty seconds to start, and what hurts it comes last. What takes longest begins first, so that no process is
still at work on one file when the others have nothing left.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
INSTALLATION: Final = "the installation"
HURTING: Final = ("tests/faults/test_online.py", "tests/faults/test_chaos.py")
# More than a minute of a processor each.
LONGEST: Final = (
    "tests/admin/test_ways.py",
    "tests/faults/test_crash_points.py",
    "tests/config/test_backup.py",
    "tests/access/test_admin_matrix.py",
    "tests/api/test_openapi.py",
)


def uses_installation(nodeid: str) -> bool:
    """Whether the tests of this test's file ask for a `stack`."""
    return _asks_for_stack(_file(nodeid))


def share(nodeid: str) -> str:
    """What a test must not be parted from."""
    return INSTALLATION if uses_installation(nodeid) else _file(nodeid)


def turn(nodeid: str) -> int:
    """The installation first: it waits most, and others work meanwhile; then what takes longest, each file by itself."""
    file = _file(nodeid)
    if uses_installation(nodeid):
        return 1 + (file in HURTING)
    return 3 + (LONGEST.index(file) if file in LONGEST else len(LONGEST))


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@cache
def _asks_for_stack(file: str) -> bool:
    # Where the project lies is asked there too, and by that alone a file needs no installation.
    return (
        re.search(r"^from tests\.stack import .*(Client|Shop|Stack)", (PROJECT / file).read_text(), re.MULTILINE)
        is not None
    )


def scheduler(config: Any, log: Any) -> Any:
    """xdist's own, by shares."""
    from xdist.scheduler import LoadScopeScheduling

    class ByShare(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return share(nodeid)

    config.option.loadscopereorder = False
    return ByShare(config, log)
