"""Run one suite until its minutes are over; one JSON object a line, exit 1 if anything was lost, doubled or stuck."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.soak.access import access
from tests.soak.core import core
from tests.soak.online import online
from tests.soak.reconciliation import reconciliation
from tests.soak.refunds import refunds
from tests.soak.report import is_clean
from tests.soak.terminals import terminals

# A suite is given the moment (of the monotonic clock) at which to end.
SUITES: Final[dict[str, Callable[[float], Iterator[dict[str, Any]]]]] = {
    "access": access,
    "core": core,
    "online": online,
    "reconciliation": reconciliation,
    "refunds": refunds,
    "terminals": terminals,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--suite", choices=sorted(SUITES), default="core")
    parser.add_argument("--minutes", type=float, default=30)
    requested = parser.parse_args()
    end = time.monotonic() + requested.minutes * 60
    clean = True
    for line in SUITES[requested.suite](end):
        print(json.dumps(line), flush=True)
        clean = clean and is_clean(line)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
