"""MT940 as banks really write it: wrapped anywhere, reversed marks, months of thirty days; sums decide."""

import io
from pathlib import Path

import pytest

from payments.core.money import Money
from reconciliation.formats.base import HEAD, Problem, Record, StatementHeader, StatementLine, StatementTrailer
from reconciliation.formats.mt940 import Mt940
from reconciliation.formats.mt942 import Mt942

GOLDEN = (Path(__file__).parent / "golden" / "mt940.sta").read_text()
SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "mt940"
samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the collected samples are not here")


def read(content: bytes) -> list[Record]:
    return list(Mt940().parse(io.BytesIO(content)))


def codes(content: str) -> list[str]:
    return [record.code for record in read(content.encode()) if isinstance(record, Problem)]


def test_a_whole_statement_adds_up() -> None:
    assert codes(GOLDEN) == []
    assert codes(GOLDEN.replace("\n", "\r\n")) == []


def test_a_reversal_goes_the_other_way() -> None:
    lines = [record for record in read(GOLDEN.encode()) if isinstance(record, StatementLine) and record.reversal]
    assert [line.amount for line in lines] == [Money(1000, "EUR"), Money(-500, "EUR")]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("948,50", "948,51", "sums_differ"),
        ("D100,", "D100,001", "record_invalid"),
        ("D100,", "D" + "9" * 19 + ",", "record_invalid"),
        ("2611241123", "2613241123", "record_invalid"),
        (":60F:C261122EUR", ":60F:C261122XXX", "record_invalid"),
        (":62F:C261123EUR948,50", "", "file_truncated"),
        (":25:NL13TEST0123456789EUR\n", "", "account_unknown"),
    ],
)
def test_what_is_wrong_is_refused(old: str, new: str, code: str) -> None:
    assert code in codes(GOLDEN.replace(old, new))


def test_a_line_in_latin_1_is_readable() -> None:
    content = GOLDEN.replace("Refund", "Café").encode("latin-1")
    assert "Café" in [record.remittance for record in read(content) if isinstance(record, StatementLine)]


def test_a_statement_is_no_interim_report() -> None:
    report = (Path(__file__).parent / "golden" / "mt942.sta").read_bytes()
    assert Mt942().identify(report, "")
    assert not Mt940().identify(report, "")
    assert not Mt942().identify(GOLDEN.encode(), "")


@samples
@pytest.mark.parametrize(
    ("name", "statements", "lines", "opening", "closing", "incoming", "outgoing"),
    [
        ("jejik-generic.txt", 2, 2, 10000, 8000, 0, 2000),
        ("jejik-rabobank-iban.txt", 2, 4, 100000, 93000, 0, 7000),
        ("jejik-volksbanken.txt", 8, 12, 308500, 383000, 74500, 0),
        ("oca-ing.940", 1, 8, 66223, 56435, 3658, 13446),
        ("oca-rabo.swi", 4, 2, 443352, 479891, 40000, 3461),
        ("wolph-asnb.txt", 31, 8, 44429, 50123, 282890, 277196),
        ("wolph-february_30.sta", 1, 1, 120000, 119400, 0, 600),
        ("wolph-sepa_26_statements.sta", 26, 97, -123471836, 5005, None, None),
    ],
)
def test_files_of_real_banks(
    name: str, statements: int, lines: int, opening: int, closing: int, incoming: int | None, outgoing: int | None
) -> None:
    content = (SAMPLES / name).read_bytes()
    assert Mt940().identify(content[:HEAD], name)
    records = read(content)
    headers = [record for record in records if isinstance(record, StatementHeader)]
    trailers = [record for record in records if isinstance(record, StatementTrailer)]
    amounts = [record.amount.amount for record in records if isinstance(record, StatementLine)]
    assert [record for record in records if isinstance(record, Problem)] == []
    assert (len(headers), len(amounts)) == (statements, lines)
    assert headers[0].opening == Money(opening, "EUR")
    assert trailers[-1].closing == Money(closing, "EUR")
    if incoming is not None and outgoing is not None:
        assert sum(amount for amount in amounts if amount > 0) == incoming
        assert -sum(amount for amount in amounts if amount < 0) == outgoing


@samples
@pytest.mark.parametrize(
    ("name", "lines", "code"),
    [
        ("jejik-abnamro.txt", 10, "sums_differ"),
        ("jejik-knab.txt", 3, "sums_differ"),
        ("wolph-raphaelm.sta", 0, "record_invalid"),
    ],
)
def test_files_that_do_not_add_up_are_refused(name: str, lines: int, code: str) -> None:
    records = read((SAMPLES / name).read_bytes())
    assert sum(isinstance(record, StatementLine) for record in records) == lines
    assert code in {record.code for record in records if isinstance(record, Problem)}


@samples
def test_details_of_dutch_banks() -> None:
    (first, *_) = [one for one in read((SAMPLES / "oca-ing.940").read_bytes()) if isinstance(one, StatementLine)]
    assert (first.counterparty_iban, first.counterparty_name) == ("NL32INGB0000012345", "ING BANK NV INZAKE WEB")
    assert first.end_to_end_id == "EV12341REP1231456T1234"
    (rabo, *_) = [one for one in read((SAMPLES / "oca-rabo.swi").read_bytes()) if isinstance(one, StatementLine)]
    assert (rabo.counterparty_iban, rabo.counterparty_name) == ("NL66RABO0160878799", "R. SMITH")


@samples
def test_an_interim_report_is_recognized() -> None:
    content = (SAMPLES / "wolph-mbank-mt942.sta").read_bytes()
    assert Mt942().identify(content[:HEAD], "")
    records = list(Mt942().parse(io.BytesIO(content)))
    assert [one.amount for one in records if isinstance(one, StatementLine)] == [Money(1, "PLN")] * 3


@samples
def test_garbage_is_not_recognized() -> None:
    content = (SAMPLES / "wolph-invalid_statement.sta").read_bytes()
    assert not Mt940().identify(content, "")
    assert not Mt942().identify(content, "")
