"""Every registered format keeps the contract of `reconciliation.formats.base`."""

import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from payments.core.money import Money
from reconciliation.formats.base import (
    HEAD,
    Format,
    Kind,
    Problem,
    SettlementHeader,
    SettlementLine,
    SettlementTrailer,
    StatementHeader,
    StatementLine,
    StatementTrailer,
)
from reconciliation.registry import formats, recognize

# Of these a file cut off between two rows is one of fewer rows; the payout at the bank shows what is missing, and of a
# bank's list the next one, which begins with another balance.
WITHOUT_TOTALS = ("mollie_settlement", "stripe_report", "paypal_activity")
BANK_LISTS = ("abnamro_tab", "bunq_csv", "ing_csv", "knab_csv", "rabobank_csv", "revolut_csv", "volksbank_csv")
WHOLE_ROWS = (b",\n", b"\n2", b'"\n', b'\n"')
GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    "head",
    [
        b"# A manual\n\nurn:iso:std:iso:20022:tech:xsd:camt.053.001.02 names <Document> as its root.",
        b'<?xml version="1.0"?><xs:schema targetNamespace="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"/>',
    ],
)
def test_what_only_speaks_of_a_message_is_none(head: bytes) -> None:
    assert recognize(head, "camt053.xml") is None


@pytest.fixture(params=sorted(formats()))
def file_format(request: pytest.FixtureRequest) -> Format:
    return formats()[request.param]


@pytest.fixture
def golden(file_format: Format) -> Path:
    (path,) = (path for path in GOLDEN.glob(f"{file_format.code}.*") if path.suffix != ".json")
    return path


def test_its_golden_file_is_recognized_as_its_own(file_format: Format, golden: Path) -> None:
    recognized = recognize(golden.read_bytes()[:HEAD], golden.name)
    assert recognized is not None
    assert recognized.code == file_format.code


def test_its_golden_file_is_read_as_written_beside_it(file_format: Format, golden: Path) -> None:
    with golden.open("rb") as stream:
        records = [plain(record) for record in file_format.parse(stream)]
    assert records == json.loads(golden.with_suffix(".json").read_text())


def test_it_yields_header_lines_and_trailer(file_format: Format, golden: Path) -> None:
    with golden.open("rb") as stream:
        kinds = [type(record) for record in file_format.parse(stream)]
    settlement = file_format.kind == Kind.SETTLEMENT
    header, line, trailer = (
        (SettlementHeader, SettlementLine, SettlementTrailer)
        if settlement
        else (StatementHeader, StatementLine, StatementTrailer)
    )
    assert (kinds[0], kinds[-1]) == (header, trailer)
    assert set(kinds) == {header, line, trailer}
    assert kinds.count(header) == kinds.count(trailer)


def test_a_file_cut_off_anywhere_has_a_problem(file_format: Format, golden: Path) -> None:
    if file_format.code == "mt942":
        pytest.skip("the end of an interim report cannot be told, and nothing depends on it")
    if file_format.code in BANK_LISTS:
        pytest.skip("a list has no end of its own: see below")
    whole = golden.read_bytes().rstrip()
    for length in range(0, len(whole), 97):
        if file_format.code in WITHOUT_TOTALS and length and whole[length - 1 : length + 1] in WHOLE_ROWS:
            continue
        records = list(file_format.parse(io.BytesIO(whole[:length])))
        assert any(isinstance(record, Problem) for record in records), f"cut off after {length} bytes"


@pytest.mark.parametrize("code", BANK_LISTS)
def test_a_banks_list_cut_off_has_a_problem_or_no_other_rows_than_before(code: str) -> None:
    (path,) = (path for path in GOLDEN.glob(f"{code}.*") if path.suffix != ".json")
    whole, file_format = path.read_bytes(), formats()[code]
    moved = [stable_part(line) for line in file_format.parse(io.BytesIO(whole)) if isinstance(line, StatementLine)]
    for length in range(1, len(whole)):
        records = list(file_format.parse(io.BytesIO(whole[:length])))
        rows = [stable_part(record) for record in records if isinstance(record, StatementLine)]
        assert any(isinstance(record, Problem) for record in records) or rows == moved[: len(rows)], length


def stable_part(line: StatementLine) -> object:
    """What of a line a cut may not change: all but what is read from its text, which stands last."""
    return line.line, line.amount, line.booked_on, line.valued_on, line.statement


def test_nothing_that_a_file_may_hold_makes_it_raise(file_format: Format, golden: Path) -> None:
    for content in garbage(golden.read_bytes()):
        list(file_format.parse(io.BytesIO(content)))


def test_it_reads_as_it_yields(file_format: Format, golden: Path) -> None:
    """A stream that never ends is read in pieces: what has been yielded does not wait for the rest."""
    stream = Endless(golden.read_bytes())
    records = file_format.parse(cast(BinaryIO, stream))  # as a stored file's stream, it is no BinaryIO by name
    next(records)
    assert stream.served < 1_000_000


class Endless(io.RawIOBase):
    """The beginning of a file, then blanks without end."""

    def __init__(self, head: bytes) -> None:
        self.rest = head
        self.served = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None and size > 0, "a format reads in pieces"
        piece = self.rest[:size] or b" " * size
        self.rest = self.rest[size:]
        self.served += len(piece)
        return piece

    def readline(self, size: int | None = -1) -> bytes:
        line, newline, rest = self.rest.partition(b"\n")
        self.rest = rest
        return line + newline or b" " * (size or 0)


def garbage(whole: bytes) -> Iterator[bytes]:
    yield b""
    yield b"\x00" * 5000
    yield b"\xff\xfe" + whole
    yield whole.replace(b"0", b"\x00")
    yield whole.replace(b"EUR", b"XXX")
    yield whole.replace(b".", b",")
    yield whole.replace(b"2026", b"20x6")
    yield whole.replace(b"2026", b"9999999")
    yield whole.replace(b".50", b"." + b"9" * 400)
    yield whole.replace(b">", b">" + b"<a>" * 2000)
    yield whole + whole


def plain(record: Any) -> dict[str, Any]:
    """A record as JSON can hold it; empty fields are left out to keep golden files readable."""
    fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {
        "record": type(record).__name__,
        **{name: _plain(value) for name, value in fields.items() if value not in ("", None, False, {}, ())},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, Money) or hasattr(value, "isoformat") else value
