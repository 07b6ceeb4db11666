"""A process that forks: each child lives one small life, and breaks where it is asked to.

It reads one JSON object a line ({life, stage, point, mode, nth, mend}) and answers with one: what the child reported, and
how it ended. A fork costs a hundredth of what a new process would.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any


def main() -> None:
    import django

    django.setup()
    warm_up()
    for line in sys.stdin:
        print(json.dumps(in_a_child(json.loads(line))), flush=True)


def warm_up() -> None:
    """Import once what every child would. No connection may be open when a child is made."""
    from django.db import connections
    from django.test import Client

    from tests.faults import lives

    assert Client().post("/v1/nothing").status_code == 404
    assert lives.LIVES
    connections.close_all()


def in_a_child(order: dict[str, Any]) -> dict[str, Any]:
    """Fork, and gather what the child says until it is gone."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        status = 1
        try:
            live(order, partial(_say, writing))
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writing)
    reports: dict[str, Any] = {"hits": []}
    with os.fdopen(reading) as pipe:
        for line in pipe:
            report = json.loads(line)
            reports["hits"] += [report.pop("hit")] if "hit" in report else []
            reports |= report
    return reports | {"ended": os.waitpid(pid, 0)[1]}


def _say(to: int, **report: Any) -> None:
    os.write(to, json.dumps(report).encode() + b"\n")


def live(order: dict[str, Any], say: Callable[..., None]) -> None:
    """Begin where nothing has begun, break where told, mend where told; say everything at once."""
    import traceback

    from payments.runtime.fail_points import fail_points_enabled
    from tests.faults.lives import LIVES
    from tests.faults.strikes import Strike, provider_is_well

    life = LIVES[order["life"]](order["stage"])
    try:
        if "merchant" not in life.stage:
            life.begin()
            say(stage=life.stage)
            strike = Strike(order["point"], order["mode"], say, order["nth"]) if "point" in order else _reporting(say)
            try:
                with fail_points_enabled(strike):
                    life.act()
            except Exception as error:
                say(broke=repr(error))
                if "point" not in order:
                    raise
        provider_is_well()
        say(wrong=life.mend() if order["mend"] else [], stage=life.stage)
    except Exception:  # noqa: BLE001 (the parent tells)
        say(wrong=[traceback.format_exc()])


def _reporting(say: Callable[..., None]) -> Callable[[str], None]:
    return lambda point: say(hit=point)


if __name__ == "__main__":
    main()
