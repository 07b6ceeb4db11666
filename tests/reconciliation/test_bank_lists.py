"""Bank lists as CSV and CODA: real exports, strict cells by row and column, and balances that prove completeness."""

import io
from pathlib import Path

import pytest

from payments.core.money import Money
from reconciliation.formats.base import HEAD, Problem, Record, StatementHeader, StatementLine, StatementTrailer
from reconciliation.registry import formats, recognize
from tests.reconciliation.conftest import Shop, codes

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "files"
samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the collected samples are not here")


def golden(code: str) -> bytes:
    (path,) = (path for path in GOLDEN.glob(f"{code}.*") if path.suffix != ".json")
    return path.read_bytes()


def read(code: str, content: bytes) -> list[Record]:
    return list(formats()[code].parse(io.BytesIO(content)))


def problems(code: str, content: bytes) -> list[Problem]:
    return [record for record in read(code, content) if isinstance(record, Problem)]


def amounts(records: list[Record]) -> list[int]:
    return [record.amount.amount for record in records if isinstance(record, StatementLine)]


def balances(records: list[Record]) -> list[tuple[Money | None, Money | None]]:
    openings = [record.opening for record in records if isinstance(record, StatementHeader)]
    trailers = [record for record in records if isinstance(record, StatementTrailer)]
    return [(opening or one.opening, one.closing) for opening, one in zip(openings, trailers, strict=True)]


@pytest.mark.parametrize(
    ("code", "old", "new", "where"),
    [
        ("ing_csv", b'"1.150,50"', b'"1,150.50"', "Row 3: Bedrag (EUR)"),
        ("ing_csv", b'"Bij"', b'"Naar"', "Row 3: Af Bij"),
        ("ing_csv", b'"Af";"12,50"', b'"Af";"-12,50"', "Row 2: the amount has a sign"),
        ("ing_csv", b'"20261124"', b'"24-11-2026"', "Row 4: Datum"),
        ("ing_csv", b'"20261124"', b'"20261131"', "Row 4: Datum"),
        ("rabobank_csv", b'"+1150,50"', b'"1150.5"', "Row 3: Bedrag"),
        ("rabobank_csv", b'"-500,00"', b'""', "Row 2: Bedrag"),
        ("rabobank_csv", b'"-500,00"', b'"-500,001"', "Row 2: Bedrag"),
        ("abnamro_tab", b"\t-500,00\t/", b"\t-501,00\t/", "Row 1: Beginsaldo"),
        ("bunq_csv", b'"-500,00"', b'"-500,0"', "Row 2: Bedrag"),
        ("bunq_csv", b'"2026-11-24"', b'"24-11-2026"', "Row 2: Datum"),
        ("knab_csv", b'"EUR";"C"', b'"EUR";"X"', "Row 3: CreditDebet"),
        ("volksbank_csv", b"-500.00", b"-500,00", "Row 1"),
        ("volksbank_csv", b"EUR,-12.50", b"USD,-12.50", "Row 3: Valutasoort mutatie"),
        ("revolut_csv", b"EUR,COMPLETED,1000.00", b"EUR,SETTLED,1000.00", "Row 2: State"),
        ("revolut_csv", b"-500.00,0.00", b'"-500,00",0.00', "Row 2: Amount"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_by_row_and_column(code: str, old: bytes, new: bytes, where: str) -> None:
    content = golden(code)
    assert old in content
    found = problems(code, content.replace(old, new))
    assert any(problem.code == "record_invalid" and problem.detail.startswith(where) for problem in found), found


@pytest.mark.parametrize("code", ["ing_csv", "rabobank_csv", "abnamro_tab", "volksbank_csv", "revolut_csv"])
def test_a_row_that_is_missing_is_seen_by_the_balances(code: str) -> None:
    lines = golden(code).splitlines(keepends=True)
    middle = next(place for place, line in enumerate(lines) if b"150" in line and b"77" in line)
    found = problems(code, b"".join(lines[:middle] + lines[middle + 1 :]))
    assert [problem.code for problem in found] == ["sums_differ"]


@pytest.mark.parametrize("code", ["ing_csv", "rabobank_csv", "volksbank_csv"])
def test_rows_may_stand_in_either_order(code: str) -> None:
    """Web banking lists the newest first, or the oldest: opening and closing are the same."""
    first, *rest = golden(code).splitlines(keepends=True)
    title, rows = ([first], rest) if code != "volksbank_csv" else ([], [first, *rest])
    turned = read(code, b"".join([*title, *reversed(rows)]))
    assert set(balances(turned)) == set(balances(read(code, golden(code))))
    assert [record for record in turned if isinstance(record, Problem)] == []


def test_an_encoding_is_told_by_its_bytes_and_never_guessed() -> None:
    name = "Café".encode("cp1252")
    (line, *_) = [one for one in read("ing_csv", golden("ing_csv")) if isinstance(one, StatementLine)]
    assert line.counterparty_name == "Café De Zon"
    western = golden("ing_csv").replace("Café".encode(), name)
    (line, *_) = [one for one in read("ing_csv", western) if isinstance(one, StatementLine)]
    assert line.counterparty_name == "Café De Zon"
    mixed = golden("ing_csv").replace(b"Huur november", b"Huur " + name)
    assert [problem.code for problem in problems("ing_csv", mixed)] == ["encoding_invalid"]


def test_english_lists_are_read_alike() -> None:
    ing = (
        '"Date";"Name / Description";"Account";"Counterparty";"Code";"Debit/credit";"Amount (EUR)";"Transaction type";'
        '"Notifications"\n"20261125";"Onze PSP";"NL20INGB0001234567";"";"OV";"Credit";"1.150,50";"Transfer";"PX-77"\n'
    )
    bunq = (
        '"Date","Interest Date","Amount","Account","Counterparty","Name","Description"\n'
        '"2026-11-25","2026-11-25","1,150.50","NL23BUNQ0123456789","","Onze PSP","PX-77"\n'
    )
    for code, content in (("ing_csv", ing.encode()), ("bunq_csv", bunq.encode())):
        found = recognize(content[:HEAD], "")
        assert found is not None
        assert (found.code, amounts(read(code, content))) == (code, [115050])


def test_a_blank_line_and_a_byte_order_mark_before_the_columns_do_not_matter() -> None:
    content = b"\xef\xbb\xbf\r\n" + golden("knab_csv")
    found = recognize(content[:HEAD], "")
    assert found is not None
    assert (found.code, amounts(read("knab_csv", content))) == ("knab_csv", [115050, -50000, -1250])


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"1000000000500000251126", b"1000000000500001251126", "record_invalid"),  # a fraction of a cent
        (b"0000000001150500251126", b"0000000001150510251126", "sums_differ"),
        (b"000000000530000", b"000000000530010", "sums_differ"),
        (b"EUR0", b"XXX0", "currency_unknown"),
        (b"251126001500000U", b"311326001500000U", "record_invalid"),
    ],
)
def test_a_coda_that_is_wrong_is_refused(old: bytes, new: bytes, code: str) -> None:
    assert old in golden("coda")
    assert code in [problem.code for problem in problems("coda", golden("coda").replace(old, new))]


@samples
@pytest.mark.parametrize(
    ("name", "code", "lines", "total"),
    [
        ("bankcsv/Knab_transactieoverzicht_ok.csv", "knab_csv", 28, 701),
        ("bankcsv/bunq-nl_2018-04-14.csv", "bunq_csv", 3, 72854),
        ("bankcsv/ing_ok_Mutatiesoort_Extra.csv", "ing_csv", 6, 1938),
        ("bankcsv/transactie-historie_NL00ASNB9999999999_20220717204133.csv", "volksbank_csv", 11, -4620),
        ("coda/Coda_v2_3_single_statement.txt", "coda", 32, 0),
        ("coda/Coda_v2_3_faulty_globalisation.txt", "coda", 11, -853028),
    ],
)
def test_real_files_are_read(name: str, code: str, lines: int, total: int) -> None:
    content = (SAMPLES / name).read_bytes()
    for _ in range(2):
        found = recognize(content[:HEAD], name)
        assert found is not None
        records = list(found.parse(io.BytesIO(content)))
        assert (found.code, len(amounts(records)), sum(amounts(records))) == (code, lines, total)
        assert [record for record in records if isinstance(record, Problem)] == []


@samples
@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        # The third row lacks a quotation mark, and rows between it and the others were cut out.
        ("bankcsv/rabobank_CSV_A_20180414_112204.csv", "rabobank_csv", ["record_invalid", "sums_differ"]),
        ("coda/Ontvangen_CODA.2012-01-11-18.59.15.txt", "coda", ["sums_differ"]),
    ],
)
def test_real_files_that_do_not_add_up_are_refused(name: str, code: str, expected: list[str]) -> None:
    content = (SAMPLES / name).read_bytes()
    found = recognize(content[:HEAD], name)
    assert found is not None
    assert found.code == code
    assert [problem.code for problem in problems(code, content)] == expected


def test_a_list_is_imported_and_another_one_of_the_same_days_repeats_nothing(shop: Shop) -> None:
    shop.merchant.iban = "NL23BUNQ0123456789"
    shop.merchant.save()
    content = golden("bunq_csv").replace(b"Onze PSP BV", b"SIMULATOR PAYMENTS BV")
    file = shop.sends(content)
    assert (file.status, file.format, file.lines, file.opening) == ("imported", "bunq_csv", 3, None)
    assert shop.balance("suspense") == -115_050
    later = content + b'"2026-11-25","-1,00","NL23BUNQ0123456789","","Koffie","Nog een"\n'
    assert shop.sends(later).status == "imported"
    assert shop.balance("suspense") == -115_050
    assert [row.amount for row in shop.disagreements("duplicate")] == [115_050]
    assert shop.disagreements("statement_gap") == []


def test_a_list_of_two_accounts_fills_a_statement_of_each(shop: Shop) -> None:
    shop.merchant.iban = "NL44RABO0123456789"
    shop.merchant.save()
    file = shop.sends(golden("rabobank_csv"))
    assert (file.status, file.lines, codes(file)) == ("imported", 3, ["account_unknown"])
    assert (file.opening, file.closing) == (150_000, 213_800)
    assert "NL68RABO0000000099" in file.problems[0]["detail"]
