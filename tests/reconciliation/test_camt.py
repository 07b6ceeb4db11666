"""A bank's XML: transactions rather than totals, balances that must add up, and no tricks."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from payments.core.money import Money
from reconciliation.formats.archive import documents
from reconciliation.formats.base import Problem, Record, StatementHeader, StatementLine, StatementTrailer, Unreadable
from reconciliation.formats.camt052 import Camt052
from reconciliation.formats.camt053 import Camt053
from reconciliation.formats.camt054 import Camt054

GOLDEN = (Path(__file__).parent / "golden" / "camt053.xml").read_text()
SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "camt"
samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the collected samples are not here")


def read(content: str | bytes) -> list[Record]:
    return list(Camt053().parse(io.BytesIO(content.encode() if isinstance(content, str) else content)))


def lines(content: str | bytes) -> list[StatementLine]:
    return [record for record in read(content) if isinstance(record, StatementLine)]


def codes(content: str | bytes) -> list[str]:
    return [record.code for record in read(content) if isinstance(record, Problem)]


def test_a_batch_counts_by_its_transactions_never_by_its_total() -> None:
    batch = [line for line in lines(GOLDEN) if line.batch == "REFUNDS-1"]
    assert [line.amount for line in batch] == [Money(-10000, "EUR"), Money(-5000, "EUR")]


def test_a_batch_whose_transactions_do_not_make_its_total_is_refused() -> None:
    content = GOLDEN.replace('<Amt Ccy="EUR">50.00</Amt><CdtDbtInd>DBIT', '<Amt Ccy="EUR">49.00</Amt><CdtDbtInd>DBIT')
    assert codes(content) == ["sums_differ"]


def test_charges_that_the_entry_states_may_make_up_for_the_rest() -> None:
    content = GOLDEN.replace('<Amt Ccy="EUR">50.00</Amt><CdtDbtInd>DBIT', '<Amt Ccy="EUR">49.00</Amt><CdtDbtInd>DBIT')
    content = content.replace(
        "<NtryDtls>\n          <Btch>",
        '<Chrgs><Rcrd><Amt Ccy="EUR">1.00</Amt></Rcrd></Chrgs><NtryDtls>\n          <Btch>',
    )
    assert codes(content) == []
    assert Money(-100, "EUR") in [line.amount for line in lines(content)]


def test_a_batch_of_which_the_bank_tells_only_the_total_counts_once() -> None:
    content = GOLDEN.replace('<Amt Ccy="EUR">100.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>\n', "")
    content = content.replace('<Amt Ccy="EUR">50.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>\n', "")
    assert codes(content) == []
    assert [line.amount.amount for line in lines(content)] == [4350, 0, 0, -15000, 1000]


def test_opening_and_entries_must_make_closing() -> None:
    assert codes(GOLDEN.replace("000903.50", "000903.51")) == ["sums_differ"]


def test_what_is_pending_is_no_part_of_a_statement() -> None:
    assert Money(-7700, "EUR") not in [line.amount for line in lines(GOLDEN)]


def test_a_reversal_goes_the_way_its_indicator_says() -> None:
    (line,) = [line for line in lines(GOLDEN) if line.reversal]
    assert line.amount == Money(1000, "EUR")


def test_not_provided_is_no_reference() -> None:
    assert lines(GOLDEN)[0].end_to_end_id == ""


def test_a_fraction_of_a_cent_is_refused_not_rounded() -> None:
    assert "record_invalid" in codes(GOLDEN.replace('<Amt Ccy="EUR">10.00</Amt>', '<Amt Ccy="EUR">10.005</Amt>'))
    assert codes(GOLDEN.replace('<Amt Ccy="EUR">10.00</Amt>', '<Amt Ccy="EUR">10.00000</Amt>')) == []


@pytest.mark.parametrize("amount", ["-10.00", "+10.00", "1e1", "10,00", "", "NaN", "9" * 18])
def test_an_amount_is_unsigned_digits(amount: str) -> None:
    assert "record_invalid" in codes(GOLDEN.replace('<Amt Ccy="EUR">10.00</Amt>', f'<Amt Ccy="EUR">{amount}</Amt>'))


def test_another_currency_within_an_account_is_refused() -> None:
    assert "record_invalid" in codes(GOLDEN.replace('<Amt Ccy="EUR">10.00</Amt>', '<Amt Ccy="USD">10.00</Amt>'))


def test_without_booked_balances_nothing_can_be_checked() -> None:
    assert codes(GOLDEN.replace("<Cd>CLBD</Cd>", "<Cd>CLAV</Cd>")) == ["balance_missing"]


@pytest.mark.parametrize("version", ["02", "03", "04", "06", "08"])
def test_versions_differ_by_namespace(version: str) -> None:
    content = GOLDEN.replace("camt.053.001.08", f"camt.053.001.{version}")
    assert Camt053().identify(content.encode()[:4096], "")
    assert len(lines(content)) == 4


BOMB = """<?xml version="1.0"?>
<!DOCTYPE Document [<!ENTITY a "aaaaaaaaaa">{entities}]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>&{last};</Id></Stmt></BkToCstmrStmt></Document>
"""
LAUGHS = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
FILE = '<!ENTITY b SYSTEM "file:///etc/passwd">'
REMOTE = '<!ENTITY b SYSTEM "http://127.0.0.1:9/x">'
REMOTE_DTD = '<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/x.dtd">'


@pytest.mark.parametrize(("entities", "last"), [(LAUGHS, "m"), (FILE, "b"), (REMOTE, "b"), ("", "a")])
def test_a_document_type_is_refused_and_nothing_is_expanded(entities: str, last: str) -> None:
    assert codes(BOMB.format(entities=entities, last=last))[0] in ("xml_forbidden", "xml_invalid")


def test_an_external_document_type_is_refused_and_not_fetched() -> None:
    assert codes(GOLDEN.replace("<Document", REMOTE_DTD + "<Document", 1)) == ["xml_forbidden"]


def test_nesting_without_end_is_refused() -> None:
    assert codes(GOLDEN.replace("<Id>2026-327</Id>", "<a>" * 100_000)) == ["xml_invalid"]


def test_one_element_of_twenty_megabytes_is_refused_in_bounded_memory() -> None:
    content = GOLDEN.replace("2026-327", "x" * 20_000_000).encode()
    assert codes(content) == ["xml_invalid"]


def test_twenty_megabytes_of_elements_nobody_asked_for_are_refused() -> None:
    assert codes(GOLDEN.replace("<Id>2026-327</Id>", "<a>1</a>" * 2_500_000)) == ["xml_invalid"]


def test_a_file_cut_off_is_told_from_one_that_is_wrong() -> None:
    assert codes(GOLDEN[: GOLDEN.index("</Stmt>")])[-1] == "file_truncated"
    assert codes(GOLDEN.replace("</Stmt>", "</Stmt"))[-1] == "xml_invalid"


def test_a_batch_of_many_transactions_needs_no_more_memory() -> None:
    one = GOLDEN[GOLDEN.index("<TxDtls>\n            <Refs><EndToEndId>op_01jd0000000000000000000003") :]
    one = one[: one.index("</TxDtls>") + len("</TxDtls>")]
    content = GOLDEN.replace(one, one * 1_000).encode()
    stream = io.BytesIO(content)
    tracemalloc.start()
    try:
        count = sum(isinstance(record, StatementLine) for record in Camt053().parse(stream))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 1_003
    assert peak < 300_000  # less than the file itself


def test_a_report_within_the_day_is_known_as_such() -> None:
    content = (Path(__file__).parent / "golden" / "camt052.xml").read_bytes()
    assert Camt052().identify(content, "")
    assert not Camt053().identify(content, "")


@samples
def test_two_statements_in_one_message() -> None:
    records = read((SAMPLES / "genkgo-camt053.v2.multi.statement.xml").read_bytes())
    headers = [record for record in records if isinstance(record, StatementHeader)]
    trailers = [record for record in records if isinstance(record, StatementTrailer)]
    assert [header.opening for header in headers] == [Money(1815, "EUR"), Money(2700, "EUR")]
    assert [trailer.closing for trailer in trailers] == [Money(2700, "EUR"), Money(2000, "EUR")]
    assert [record.amount.amount for record in records if isinstance(record, StatementLine)] == [885, -700]


@samples
def test_a_statement_without_entries() -> None:
    records = read((SAMPLES / "oca-camt053-v4-no-entries.xml").read_bytes())
    header, trailer = records
    assert isinstance(header, StatementHeader)
    assert isinstance(trailer, StatementTrailer)
    assert (header.currency, header.opening) == ("CHF", Money(152076, "CHF"))


@samples
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("genkgo-camt053.v2.five.decimals.xml", "sums_differ"),
        ("genkgo-camt053.v2.with-account-name.xml", "balance_missing"),
        ("genkgo-camt053.v2.wrong.xml", "xml_invalid"),
        ("genkgo-camt053.v3.xml", "sums_differ"),
        ("genkgo-camt053.v8.xml", "sums_differ"),
        ("oca-camt053-v2-abnamro.xml", "sums_differ"),
    ],
)
def test_samples_that_do_not_balance_are_refused(name: str, code: str) -> None:
    assert codes((SAMPLES / name).read_bytes()) == [code]


@samples
def test_a_dutch_day_with_a_reversed_batch() -> None:
    found = lines((SAMPLES / "oca-camt053-v2-abnamro.xml").read_bytes())
    assert [line.amount.amount for line in found] == [-75425, -56405, -10000, 140531]
    assert sum(line.amount.amount for line in found if line.amount.amount > 0) == 140531
    assert sum(line.amount.amount for line in found if line.amount.amount < 0) == -141830
    assert [line.reversal for line in found] == [False, True, True, False]


@samples
def test_notifications_and_reports_are_read_without_balances() -> None:
    for name, file_format, amounts in (
        ("genkgo-camt052.v6.Amt-zero.xml", Camt052(), [-20000000]),
        ("genkgo-camt054.v2.xml", Camt054(), [0, 0, 0, -20000000]),
        ("genkgo-camt054.v8.xml", Camt054(), [0, 0, 0, -20000000]),
        ("oca-camt054-v4.xml", Camt054(), [500]),
    ):
        with (SAMPLES / name).open("rb") as stream:
            records = list(file_format.parse(stream))
        assert [one.amount.amount for one in records if isinstance(one, StatementLine)] == amounts


@samples
def test_banks_deliver_days_in_a_zip() -> None:
    with (SAMPLES / "oca-camt053-two-days.zip").open("rb") as stream:
        unpacked = [(name, codes(part.read())) for name, part in documents(stream, "days.zip", most_bytes=10**6)]
    assert unpacked == [("test-camt053_02.xml", ["sums_differ"]), ("test-camt053_03.xml", ["sums_differ"])]


def packed(**files: bytes) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    stream.seek(0)
    return stream


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (packed(bomb=b"0" * 10_000_000), "archive_too_large"),
        (packed(**{"inner.zip": b"x"}), "archive_nested"),
        (io.BytesIO(b"PK\x03\x04" + b"0" * 100), "archive_invalid"),
    ],
)
def test_archives_that_are_bombs_or_broken_are_refused(stream: io.BytesIO, code: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        list(documents(stream, "x.zip", most_bytes=1_000_000))
    assert refusal.value.code == code
