"""How much processor time programs have used, as Linux counts it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.stack import Stack

PROGRAMS: Final[Mapping[str, str]] = {"web": "config.wsgi", "realtime": "--queues=realtime", "postgres": "postgres"}
_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


def milliseconds(stack: Stack) -> dict[str, float]:
    """By program: what its processes and those that have ended below them have used since they began."""
    return {name: sum(map(used, stack.processes(command))) for name, command in PROGRAMS.items()}


def used(pid: int) -> float:
    """Milliseconds of one process; 0 where it runs on another machine, or has ended."""
    try:
        # Behind the name, which may hold spaces: the fields from the third on; 14 to 17 are user and system time,
        # of the process and of the children it has waited for.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / _PER_SECOND * 1000
