"""Queued offline transactions over a bad line while servers are killed; `make soak SUITE=terminals` has 10,000 of 20."""

from tests.faults.offline import OfflineRun, OfflineSize
from tests.stack import Stack


def test_what_was_queued_without_a_line_is_booked_once_to_the_cent_and_the_number(stack: Stack) -> None:
    verdict = OfflineRun(stack, OfflineSize(transactions=150, terminals=3, kills=2, seed=7)).run()
    assert verdict.clean, verdict
    assert verdict.cases == 150
    assert sum(verdict.facts["kills"].values()) >= 1
    assert set(verdict.facts["line"]) > {"passed"}
