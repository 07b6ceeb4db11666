"""CAMT as banks of several countries write it: charges in every place, pages, other namespaces, missing days."""

import io

import pytest

from reconciliation.formats.base import HEAD, Format, Problem, Record, StatementHeader, StatementLine, StatementTrailer
from reconciliation.formats.camt053 import Camt053
from reconciliation.formats.camt054 import Camt054

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


def balance(code: str, amount: str, day: str, currency: str = "EUR") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{signed(amount, currency=currency)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def signed(amount: str, *, currency: str = "EUR") -> str:
    indicator = "DBIT" if amount.startswith("-") else "CRDT"
    return f'<Amt Ccy="{currency}">{amount.lstrip("-")}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>'


def charge(amount: str) -> str:
    return f"<Rcrd>{signed(amount)}</Rcrd>"


def part(amount: str, more: str = "", reference: str = "NOTPROVIDED") -> str:
    return f"<TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs>{signed(amount)}{more}</TxDtls>"


def entry(amount: str, *parts: str, more: str = "", day: str = "<BookgDt><Dt>2026-11-24</Dt></BookgDt>") -> str:
    details = f"<NtryDtls>{''.join(parts)}</NtryDtls>" if parts else ""
    return f"<Ntry>{signed(amount)}<Sts><Cd>BOOK</Cd></Sts>{day}{more}{details}</Ntry>"


def statement(
    *entries: str, opening: str = "100.00", closing: str, balances: str = "", namespace: str = NAMESPACE
) -> str:
    booked = balances or balance("OPBD", opening, "2026-11-23") + balance("CLBD", closing, "2026-11-24")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{namespace}"><BkToCstmrStmt><Stmt><Id>S1</Id>'
        f"<Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id><Ccy>EUR</Ccy></Acct>{booked}{''.join(entries)}"
        "</Stmt></BkToCstmrStmt></Document>"
    )


def read(content: str | bytes, file_format: Format | None = None) -> list[Record]:
    raw = content.encode() if isinstance(content, str) else content
    return list((file_format or Camt053()).parse(io.BytesIO(raw)))


def amounts(records: list[Record]) -> list[int]:
    return [record.amount.amount for record in records if isinstance(record, StatementLine)]


def codes(records: list[Record]) -> list[str]:
    return [record.code for record in records if isinstance(record, Problem)]


def total(amount: str) -> str:
    return f'<TtlChrgsAndTaxAmt Ccy="EUR">{amount}</TtlChrgsAndTaxAmt>'


CHARGES = {
    "of each transaction": entry(
        "13.50",
        part("10.00", f"<Chrgs>{total('1.00')}{charge('-1.00')}</Chrgs>"),
        part("5.00", f"<Chrgs>{charge('-0.50')}</Chrgs>"),
    ),
    "of one transaction": entry("13.50", part("10.00", f"<Chrgs>{charge('-1.50')}</Chrgs>"), part("5.00")),
    "a total of the entry": entry("13.50", part("10.00"), part("5.00"), more=f"<Chrgs>{total('1.50')}</Chrgs>"),
    "a charge and a rebate": entry(
        "13.50", part("10.00"), part("5.00"), more=f"<Chrgs>{charge('-2.00')}{charge('0.50')}</Chrgs>"
    ),
    "of both": entry(
        "13.50",
        part("10.00", f"<Chrgs>{charge('-1.00')}</Chrgs>"),
        part("5.00"),
        more=f"<Chrgs>{charge('-0.50')}</Chrgs>",
    ),
    "version 02": entry(
        "13.50", part("10.00"), part("5.00"), more=f"<Chrgs>{signed('-1.00')}</Chrgs><Chrgs>{signed('-0.50')}</Chrgs>"
    ),
}


@pytest.mark.parametrize("expected", CHARGES.values(), ids=CHARGES.keys())
def test_charges_are_a_line_of_their_own_wherever_the_bank_states_them(expected: str) -> None:
    records = read(statement(expected, closing="113.50"))
    assert codes(records) == []
    assert amounts(records) == [1000, 500, -150]


def test_charges_on_what_left_are_paid_on_top() -> None:
    stated = entry("-61.00", part("-40.00", f"<Chrgs>{charge('-1.00')}</Chrgs>"), part("-20.00"))
    records = read(statement(stated, closing="39.00"))
    assert codes(records) == []
    assert amounts(records) == [-4000, -2000, -100]


def test_a_lone_transaction_keeps_its_amount_beside_its_charge() -> None:
    """The payout of 10.00 is recognized; what the bank kept of it is told."""
    stated = entry("9.00", part("10.00", f"<Chrgs>{charge('-1.00')}</Chrgs>", reference="SIMPAY-9"))
    records = read(statement(stated, closing="109.00"))
    assert amounts(records) == [1000, -100]


def test_charges_that_are_told_but_not_taken_change_nothing() -> None:
    stated = entry("15.00", part("10.00", f"<Chrgs>{charge('-1.00')}</Chrgs>"), part("5.00"))
    assert amounts(read(statement(stated, closing="115.00"))) == [1000, 500]


def test_what_no_charge_explains_is_refused() -> None:
    stated = entry("13.00", part("10.00", f"<Chrgs>{charge('-1.50')}</Chrgs>"), part("5.00"))
    assert codes(read(statement(stated, closing="113.00"))) == ["sums_differ"]


@pytest.mark.parametrize(
    "namespace",
    [
        "ISO:camt.053.001.02:APC:STUZZA:payments:003",
        "urn:iso:std:iso:20022:tech:xsd:camt.053.001.04",
        "http://www.six-interbank-clearing.com/de/camt.053.001.04.xsd",
    ],
)
def test_the_message_counts_and_not_whose_namespace_it_is_in(namespace: str) -> None:
    content = statement(entry("5.00"), closing="105.00", namespace=namespace)
    assert Camt053().identify(content.encode()[:HEAD], "")
    assert amounts(read(content)) == [500]


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_interim_balances_the_earlier_opens(swapped: bool) -> None:
    stated = [balance("ITBD", "100.00", "2026-11-23"), balance("ITBD", "105.00", "2026-11-24")]
    records = read(statement(entry("5.00"), closing="", balances="".join(reversed(stated) if swapped else stated)))
    assert codes(records) == []
    (header,) = [record for record in records if isinstance(record, StatementHeader)]
    (trailer,) = [record for record in records if isinstance(record, StatementTrailer)]
    assert (header.opening and header.opening.amount, trailer.closing and trailer.closing.amount) == (10000, 10500)


@pytest.mark.parametrize(("first", "last"), [("OPBD", "ITBD"), ("ITBD", "CLBD"), ("PRCD", "CLBD")])
def test_pages_open_and_close_with_what_they_have(first: str, last: str) -> None:
    stated = balance(first, "100.00", "2026-11-23") + balance(last, "105.00", "2026-11-24")
    assert codes(read(statement(entry("5.00"), closing="", balances=stated))) == []


def test_balances_in_another_currency_than_the_account_are_refused() -> None:
    stated = balance("OPBD", "100.00", "2026-11-23", "USD") + balance("CLBD", "105.00", "2026-11-24")
    assert codes(read(statement(entry("5.00"), closing="", balances=stated))) == ["currency_differs"]


def test_an_entry_without_a_booking_day_has_its_value_date_or_the_day_of_its_statement() -> None:
    records = read(
        statement(entry("5.00", day="<ValDt><Dt>2026-11-22</Dt></ValDt>"), entry("5.00", day=""), closing="110.00")
    )
    assert codes(records) == []
    assert [one.booked_on.isoformat() for one in records if isinstance(one, StatementLine)] == [
        "2026-11-22",
        "2026-11-24",
    ]


NOTIFICATION = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.04"><BkToCstmrDbtCdtNtfctn><Ntfctn><Id>N1</Id>'
    "<CreDtTm>2026-11-24T18:00:00</CreDtTm><Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id></Acct>{entries}"
    "</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
)


def test_a_notification_needs_no_booking_day() -> None:
    records = read(NOTIFICATION.format(entries=entry("5.00", day="")), Camt054())
    assert codes(records) == []
    assert [one.booked_on.isoformat() for one in records if isinstance(one, StatementLine)] == ["2026-11-24"]


def test_details_without_amounts_are_kept_each_with_name_and_references() -> None:
    """Swiss and Nordic banks state the total alone; the names and ids below it are what a person looks for."""
    parts = [
        f"<TxDtls><Refs><EndToEndId>E2E-{n}</EndToEndId></Refs><RltdPties><Dbtr><Nm>Klant {n}</Nm></Dbtr></RltdPties>"
        f"<RmtInf><Ustrd>Factuur {n}</Ustrd></RmtInf></TxDtls>"
        for n in (1, 2, 3)
    ]
    records = read(NOTIFICATION.format(entries=entry("30.00", *parts)), Camt054())
    assert codes(records) == []
    found = [one for one in records if isinstance(one, StatementLine)]
    assert [one.amount.amount for one in found] == [0, 0, 0, 3000]
    assert [one.counterparty_name for one in found] == ["Klant 1", "Klant 2", "Klant 3", ""]
    assert [one.end_to_end_id for one in found] == ["E2E-1", "E2E-2", "E2E-3", ""]
    assert [one.remittance for one in found[:3]] == ["Factuur 1", "Factuur 2", "Factuur 3"]
    assert "E2E-2" in found[3].remittance
