"""The benchmarks still run, in a size that measures nothing."""

import json
from collections.abc import Iterator

import pytest

from payments.ledger.audit import one_moment, violations
from tests.benchmarks import device_batches, matching, post_single, server, shift_totals
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import TINY, Figure


@pytest.fixture
def raw_tables(transactional_db: None) -> Iterator[None]:
    with server.raw_tables():
        yield


def test_post_single(raw_tables: None) -> None:
    with Clients(TINY.clients) as clients:
        figures = list(post_single.run(TINY, clients))
    for figure in figures:
        assert figure.value > 0
        assert figure.floor is not None and figure.floor > 0
    with one_moment():
        assert list(violations()) == []  # what pgbench has booked is no less true


def test_device_batches(raw_tables: None) -> None:
    with Clients(TINY.clients) as clients:
        to_raw, to_copy, rows = device_batches.run(TINY, clients)
    assert to_raw.value == to_copy.value > 0
    assert rows.value > 7  # order, payment, operation, transition, entry, postings, event, evidence


def test_shift_totals(raw_tables: None) -> None:
    with Clients(TINY.clients) as clients:
        agrees, differs = shift_totals.run(TINY, clients)
    assert agrees.value > 0 and differs.value > 0


def test_matching(raw_tables: None, settings: object) -> None:
    with Clients(TINY.clients) as clients:
        figures = {figure.bench: figure for figure in matching.run(TINY, clients)}
    assert figures["n.match_at_200"].ratio
    assert figures["n.loop"].value > 0


def test_a_figure_is_a_line_of_json() -> None:
    parsed = json.loads(Figure("a.post_single", 500.0, "entries/s", 1000.0).as_json())
    assert parsed == {"bench": "a.post_single", "value": 500.0, "unit": "entries/s", "floor": 1000.0, "ratio": 0.5}


def test_without_a_floor_there_is_no_ratio() -> None:
    parsed = json.loads(Figure("i.refund_booked_p50", 80.0, "ms").as_json())
    assert (parsed["floor"], parsed["ratio"]) == (None, None)
