"""A settlement as CSV is taken to the letter: whatever does not add up is named with its line."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from payments.core.money import Money
from reconciliation.formats.base import LineType, Problem, SettlementLine
from reconciliation.formats.simulator_csv import SimulatorCsv

GOLDEN = (Path(__file__).parent / "golden" / "simulator_csv.csv").read_text()


def problems(text: str) -> list[tuple[int | None, str]]:
    records = SimulatorCsv().parse(io.BytesIO(text.encode()))
    return [(record.line, record.code) for record in records if isinstance(record, Problem)]


def test_a_whole_file_has_no_problem() -> None:
    assert problems(GOLDEN) == []
    assert problems("\ufeff" + GOLDEN.replace("\n", "\r\n")) == []


def test_amounts_are_exact_and_net_is_recomputed() -> None:
    lines = [one for one in SimulatorCsv().parse(io.BytesIO(GOLDEN.encode())) if isinstance(one, SettlementLine)]
    assert lines[1].gross == Money(-250, "EUR")
    assert sum(line.net.amount for line in lines) == 4350


def test_a_terminal_line_is_known_by_what_the_acquirer_prints() -> None:
    line = [one for one in SimulatorCsv().parse(io.BytesIO(GOLDEN.encode())) if isinstance(one, SettlementLine)][2]
    assert (line.type, line.rrn, line.tid, line.stan) == (LineType.SALE, "000123456789", "TID00001", "000042")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda text: text.replace("50.00,5.37", "51.00,5.37"), (7, "sums_differ"), id="gross"),
        pytest.param(lambda text: text.replace("1.13,43.50", "1.13,43.51"), (7, "sums_differ"), id="net sum"),
        pytest.param(lambda text: text.replace("0.05,12.20", "0.05,12.25"), (3, "net_differs"), id="net column"),
        pytest.param(lambda text: text.replace("12.50", "12.500"), (3, "record_invalid"), id="too many decimals"),
        pytest.param(lambda text: text.replace("12.50", "12.5"), (3, "record_invalid"), id="too few decimals"),
        pytest.param(lambda text: text.replace("12.50", '"12,50"'), (3, "record_invalid"), id="comma"),
        pytest.param(lambda text: text.replace("12.50", "1e1"), (3, "record_invalid"), id="exponent"),
        pytest.param(lambda text: text.replace("12.50", "NaN"), (3, "record_invalid"), id="no number"),
        pytest.param(lambda text: text.replace("12.50", "99999999999.99"), (3, "record_invalid"), id="too much"),
        pytest.param(lambda text: text.replace("L,SIM-2026-0001,sale", "L,SIM-2,sale"), (3, "record_invalid"), id="other"),
        pytest.param(lambda text: text.replace(",sale,", ",gift,"), (3, "record_invalid"), id="unknown type"),
        pytest.param(lambda text: text.replace("T09:15:00Z", "T09:15:00"), (3, "record_invalid"), id="time without zone"),
        pytest.param(lambda text: text.replace("Z,EUR,40.00", "Z,USD,40.00"), (5, "record_invalid"), id="currency"),
        pytest.param(lambda text: text + "L,SIM-2026-0001" + "," * 12 + "\n", (8, "record_invalid"), id="after the end"),
        pytest.param(lambda text: text.replace("sim_ch_1", "x" * 300), (3, "field_too_long"), id="long field"),
        pytest.param(lambda text: text.replace("sim_ch_1", "x" * 70_000), (3, "line_too_long"), id="long line"),
        pytest.param(lambda text: text.replace("sim_ch_1", "sim\x00"), (3, "character_invalid"), id="control character"),
        pytest.param(lambda text: text.replace("H,SIM-2026-0001,,,,,2026-11-21T22:00:00Z,EUR", "H,SIM,,,,,,EUR"), (2, "header_invalid"), id="H"),
        pytest.param(lambda text: text.replace("record,settlement", "settlement,record"), (1, "header_invalid"), id="header row"),
        pytest.param(lambda text: text[: text.index("T,SIM")], (6, "file_truncated"), id="no trailer"),
        pytest.param(lambda text: text[: text.index("0.12,0.03")], (5, "file_truncated"), id="cut in a line"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(change: Callable[[str], str], expected: tuple[int, str]) -> None:
    assert expected in problems(change(GOLDEN))


def test_text_that_is_not_utf8_is_refused() -> None:
    content = GOLDEN.encode().replace(b"sim_ch_1", b"\xe9\xe9")
    (problem,) = [one for one in SimulatorCsv().parse(io.BytesIO(content)) if isinstance(one, Problem)]
    assert (problem.line, problem.code) == (3, "encoding_invalid")


def test_every_line_that_is_wrong_is_named() -> None:
    assert [line for line, code in problems(GOLDEN.replace("EUR,12.50", "EUR,x").replace("EUR,40.00", "EUR,y"))][
        :2
    ] == [3, 5]
