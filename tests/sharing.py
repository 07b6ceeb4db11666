"""Who shares what among the processes of `pytest -n`.

A file stays in one process, so that what it starts is started once. All files that use the installation count as one:
it takes twenty seconds to start, and what hurts it comes last.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
INSTALLATION: Final = "the installation"
HURTING: Final = ("tests/faults/test_online.py", "tests/faults/test_chaos.py")


def uses_installation(nodeid: str) -> bool:
    """Whether the tests of this test's file ask for a `stack`."""
    return _asks_for_stack(_file(nodeid))


def share(nodeid: str) -> str:
    """What a test must not be parted from."""
    return INSTALLATION if uses_installation(nodeid) else _file(nodeid)


def turn(nodeid: str) -> int:
    """The installation first: it waits most, and others work meanwhile."""
    return 1 + (_file(nodeid) in HURTING) if uses_installation(nodeid) else 3


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@cache
def _asks_for_stack(file: str) -> bool:
    return "from tests.stack import" in (PROJECT / file).read_text()


def scheduler(config: Any, log: Any) -> Any:
    """xdist's own, by shares."""
    from xdist.scheduler import LoadScopeScheduling

    class ByShare(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return share(nodeid)

    config.option.loadscopereorder = False
    return ByShare(config, log)
