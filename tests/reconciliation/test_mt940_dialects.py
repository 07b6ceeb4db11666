"""MT940 as banks of several countries write it: what SWIFT leaves open, and what nobody should lose a line over."""

import io

import pytest

from reconciliation.formats.base import HEAD, Problem, Record, StatementHeader, StatementLine, StatementTrailer
from reconciliation.formats.mt940 import Mt940

DAY = """:20:DAY-1
:25:NL91ABNA0417164300
:28C:1/1
:60F:C261123EUR100,00
{fields}
:62F:C261124EUR{closing}
"""


def read(content: str) -> list[Record]:
    return list(Mt940().parse(io.BytesIO(content.encode())))


def day(fields: str, closing: str = "105,00") -> list[Record]:
    return read(DAY.format(fields=fields, closing=closing))


def lines(records: list[Record]) -> list[StatementLine]:
    return [record for record in records if isinstance(record, StatementLine)]


def headers(records: list[Record]) -> list[StatementHeader]:
    return [record for record in records if isinstance(record, StatementHeader)]


def codes(records: list[Record]) -> list[str]:
    return [record.code for record in records if isinstance(record, Problem)]


@pytest.mark.parametrize(
    ("entry", "amount", "booked_on"),
    [
        pytest.param(":61:261124    C5,00NTRFNONREF", 500, "2026-11-24", id="entry date of blanks"),
        pytest.param(":61:261124C5,00NTRFNONREF", 500, "2026-11-24", id="no entry date"),
        pytest.param(":61:2612311231C5,00NTRFNONREF", 500, "2026-12-31", id="last day of the year"),
        pytest.param(":61:2701011231C5,00NTRFNONREF", 500, "2026-12-31", id="entered in the year before"),
        pytest.param(":61:2611241124CR5,00NTRFNONREF", 500, "2026-11-24", id="third letter of the currency"),
        pytest.param(":61:2611241124RD5,00NTRFNONREF", 500, "2026-11-24", id="reversal of a debit"),
        pytest.param(":61:2611241124C5,NTRFNONREF", 500, "2026-11-24", id="no cents"),
        pytest.param(":61:2611241124C000000000005,00NTRFNONREF", 500, "2026-11-24", id="padded"),
        pytest.param(":61:2611241124C 5,00NTRFNONREF", 500, "2026-11-24", id="a blank before the amount"),
    ],
)
def test_an_entry_is_read_in_every_form_banks_use(entry: str, amount: int, booked_on: str) -> None:
    records = day(entry)
    assert codes(records) == []
    (line,) = lines(records)
    assert (line.amount.amount, line.booked_on.isoformat()) == (amount, booked_on)


def test_amounts_below_one_may_begin_with_the_comma() -> None:
    records = read(
        ":20:X\n:25:NL91ABNA0417164300\n:28C:1\n:60F:C261123EUR,00\n:61:2611241124C,75NTRFNONREF\n:62F:C261124EUR,75\n"
    )
    assert codes(records) == []
    assert [line.amount.amount for line in lines(records)] == [75]


@pytest.mark.parametrize("amount", [",", "", "5,00,00", "5.000,00"])
def test_an_amount_that_cannot_be_read_is_refused_and_never_guessed(amount: str) -> None:
    assert "record_invalid" in codes(day(f":61:2611241124C{amount}NTRFNONREF"))


@pytest.mark.parametrize(
    ("named", "account"),
    [
        (":25:NL91ABNA0417164300", "NL91ABNA0417164300"),
        (":25:NL91 ABNA 0417 1643 00 EUR", "NL91ABNA0417164300"),
        (":25:NL91ABNA0417164300EUR", "NL91ABNA0417164300"),
        (":25:/PL61109010140000071219812874", "PL61109010140000071219812874"),
        (":25:ABNANL2A/NL91ABNA0417164300", "NL91ABNA0417164300"),
        (":25:ABNANL2AXXX/NL91ABNA0417164300EUR", "NL91ABNA0417164300"),
        (":25P:NL91ABNA0417164300\nABNANL2A", "NL91ABNA0417164300"),
        (":25P:/NL91ABNA0417164300\nABNANL2AXXX", "NL91ABNA0417164300"),
        (":25:417164300", "417164300"),
        (":25:1291.99.348EUR", "1291.99.348"),
        (":25:37040044/0532013000", "37040044/0532013000"),
    ],
)
def test_the_account_is_named_in_many_ways(named: str, account: str) -> None:
    content = f":20:X\n{named}\n:28C:1\n:60F:C261123EUR100,00\n:62F:C261123EUR100,00\n"
    assert Mt940().identify(content.encode()[:HEAD], "")
    records = read(content)
    assert codes(records) == []
    assert [header.account for header in headers(records)] == [account]


WITHOUT_20 = """ABNANL2A
940
ABNANL2A
:25:NL91ABNA0417164300
:28C:32801/1
:60F:C261123EUR100,00
:61:2611241124C5,00N196NONREF
:86:EEN
:62F:C261124EUR105,00
-
ABNANL2A
940
ABNANL2A
:25:NL91ABNA0417164300
:28C:32901/1
:60F:C261124EUR105,00
:62F:C261125EUR105,00
-
"""


def test_without_a_reference_a_statement_begins_at_its_account() -> None:
    assert Mt940().identify(WITHOUT_20.encode(), "")
    records = read(WITHOUT_20)
    assert codes(records) == []
    assert [(one.reference, one.sequence) for one in headers(records)] == [("", "32801/1"), ("", "32901/1")]
    assert len(lines(records)) == 1


def test_a_text_about_the_statement_does_not_swallow_the_next_account() -> None:
    records = read(
        WITHOUT_20.replace("105,00\n-", "105,00\n:86:SALDO PER DAG").replace("ABNANL2A\n940\nABNANL2A\n", "")
    )
    assert codes(records) == []
    assert len(headers(records)) == 2


def test_framing_behind_a_balance_is_no_part_of_it() -> None:
    records = read(WITHOUT_20.replace("-\n", ""))
    assert codes(records) == []
    assert [one.closing.amount for one in records if isinstance(one, StatementTrailer) and one.closing] == [10500] * 2


@pytest.mark.parametrize(
    "more", [":20:45 KAART 9", ":25:00 TAFEL 4", ":28:10 UUR", ":13:05 TERMINAL", ":46:08 TEL", ":61:30 TAFEL", ":86"]
)
def test_a_text_that_goes_on_with_what_looks_like_a_field_is_text(more: str) -> None:
    records = day(f":61:2611241124C2,50NTRFNONREF\n:86:KOFFIE 18\n{more}\n:61:2611241124C2,50NTRFNONREF\n:86:THEE")
    assert codes(records) == []
    first, second = lines(records)
    assert more in first.remittance
    assert second.remittance == "THEE"


def test_a_statement_cut_off_before_the_next_is_named() -> None:
    cut = DAY.format(fields=":61:2611241124C5,00NTRFNONREF\n:86:X", closing="105,00").replace(
        ":62F:C261124EUR105,00", ""
    )
    records = read(cut + DAY.format(fields="", closing="100,00").replace("DAY-1", "DAY-2"))
    assert codes(records) == ["file_truncated"]
    assert [header.reference for header in headers(records)] == ["DAY-1", "DAY-2"]


def test_two_opening_balances_are_refused_by_name() -> None:
    """Reading on from the second one would drop the lines before it, unseen."""
    records = day(":61:2611241124C5,00NTRFNONREF\n:60F:C261124EUR105,00\n:61:2611241124C5,00NTRFNONREF", "110,00")
    assert codes(records) == ["record_invalid"]
    (problem,) = [record for record in records if isinstance(record, Problem)]
    assert "opening balance" in problem.detail


def test_all_texts_of_an_entry_are_kept() -> None:
    """Older files give each line of the text a field of its own."""
    (line,) = lines(day(":61:2611241124C5,00NTRFNONREF\n:86:FACTUUR 2026-\n:86:0815 DANK U"))
    assert line.remittance == "FACTUUR 2026- 0815 DANK U"


def test_the_payer_is_who_is_named_as_ordering_party() -> None:
    text = ":86:/ORDP//NAME/ONZE PSP BV/REMI/WEEK 48/ULTD//NAME/KIOSK NOORD/CDTRREFTP//CD/SCOR/CDTRREF/RF18539007547034"
    (line,) = lines(day(f":61:2611241124C5,00NTRFNONREF\n{text}"))
    assert line.counterparty_name == "ONZE PSP BV"
    assert "WEEK 48" in line.remittance
    assert "RF18539007547034" in line.remittance


@pytest.mark.parametrize("mark", ["?", "<", "^", "~", ">"])
def test_numbered_parts_stand_behind_the_banks_own_mark(mark: str) -> None:
    text = "020?00PRZELEW?20ROZLICZENIE ?21PX-77?30ABNANL2A?31NL91ABNA0417164300?32ONZE PSP ?33BV".replace("?", mark)
    (line,) = lines(day(f":61:2611241124C5,00NTRFNONREF\n:86:{text}"))
    assert line.counterparty_name == "ONZE PSP BV"
    assert line.counterparty_iban == "NL91ABNA0417164300"
    assert line.remittance == "ROZLICZENIE PX-77"
