"""The README's table says what was measured, and whether that was the goal."""

import json

from tests.benchmarks.measure import Figure, Goal
from tests.benchmarks.table import table

AT_LEAST = Goal(0.4)
AT_MOST = Goal(3, at_least=False)


def test_a_figure_tells_whether_its_goal_is_met() -> None:
    slow = Figure("a.post_single", 300.0, "entries/s", 1000.0, goal=AT_LEAST)
    quick = Figure("i.refund_during_import_p99", 50.0, "ms", 20.0, goal=AT_MOST)
    assert [json.loads(figure.as_json())["met"] for figure in (slow, quick)] == [False, True]


def test_the_table_has_a_row_for_each() -> None:
    rows = table(
        [
            Figure("a.post_single", 300.0, "entries/s", 1000.0, goal=AT_LEAST),
            Figure("i.refund_booked_p50", 80.25, "ms"),
            Figure("g.device_batches_over_http", 500.0, "transactions/s", goal=Goal(0.8)),
        ]
    ).splitlines()[2:]
    assert rows == [
        "| (a) `post()`, one entry a call, 8 clients : raw | 300 entries/s | 1,000 entries/s | 0.3 | ≥ 0.4 | **not met** |",
        "| (i) refund booked p50 | 80.2 ms |  |  |  |  |",
        "| (g) batches of 500 over HTTP : (f) | 500 transactions/s |  |  | ≥ 0.8 | not compared |",
    ]
