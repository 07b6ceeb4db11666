"""Each kind of export against what reads it: official schemas, our own readers, and real programs where they are."""

import csv
import datetime as dt
import io
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import beancount.loader
import pytest
import pyxaf
from lxml import etree
from python_calamine import CalamineWorkbook

from payments.core.money import Money
from payments.ledger import balances
from payments.models import Channel, Merchant, Payment, ProviderAccount
from reconciliation.exports.profiles import PROFILES
from reconciliation.formats.base import Problem, StatementHeader, StatementLine, StatementTrailer
from reconciliation.formats.camt053 import Camt053
from reconciliation.formats.mt940 import Mt940
from reconciliation.models import Payout
from reconciliation.services.account_mapping import change_mapping, mapped_accounts
from tests.reconciliation.conftest import BY
from tests.reconciliation.exports.conftest import Books

SCHEMAS: Final = Path(__file__).parents[4] / "shared" / "samples" / "schemas"
HLEDGER: Final = shutil.which("hledger")
XAF: Final = {"xaf32": "{http://www.auditfiles.nl/XAF/3.2}"}


def cents(text: str) -> int:
    return Money.from_decimal(Decimal(text), "EUR").amount


# The journal, in each package's columns


@pytest.mark.parametrize("profile", list(PROFILES))
def test_a_journal_has_the_columns_of_its_package_and_comes_to_nothing(books: Books, profile: str) -> None:
    written = PROFILES[profile]
    text = books.content("journal_csv", profile=profile).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=written.delimiter))
    assert list(rows[0]) == [title for title, _ in written.columns]
    sums = {"debit": 1, "Debet": 1, "AmDe": 1, "AmountFC": 1, "amount": 1, "*Amount": 1, "value": 1}
    sums |= {"credit": -1, "Credit": -1, "AmCr": -1}
    total = 0
    for row in rows:
        for title, sign in sums.items():
            if row.get(title):
                side = -1 if row.get("debitcredit") == "credit" else sign
                total += side * cents(row[title].replace(written.decimal, "."))
    assert total == 0


def test_an_excel_workbook_has_numbers_where_amounts_stand(books: Books) -> None:
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(books.content("journal_xlsx"))).get_sheet_by_index(0)
    head, *rows = sheet.to_python()
    debit, day = head.index("debit"), head.index("date")
    assert {type(row[debit]) for row in rows if row[debit] != ""} == {float}
    assert {row[day] for row in rows} == {books.today}
    assert [row[debit] for row in rows if row[debit]][:2] == [50.0, 25.5]


def test_no_cell_is_a_formula(books: Books) -> None:
    payment = Payment.objects.filter(method="card").earliest("id")
    for reference in ("=1+1", "@SUM(A1)", "+31 6", "-5", "\tx"):
        type(payment.order).objects.filter(id=payment.order_id).update(reference=reference)
        rows = list(csv.DictReader(io.StringIO(books.content("journal_csv").decode("utf-8-sig"))))
        found = {row["reference"] for row in rows}
        assert f"'{reference}" in found or reference.strip() in found
        assert not any(row["reference"].startswith(("=", "@", "+", "-", "\t")) for row in rows)
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(books.content("journal_xlsx"))).get_sheet_by_index(0)
        assert not any(str(cell).startswith(("=", "@", "+", "\t")) for row in sheet.to_python() for cell in row)
        assert any(row["debit"] == "50.00" for row in rows)


# Plain text


def test_beancount_finds_nothing_wrong_and_a_cent_that_is(books: Books, tmp_path: Path) -> None:
    text = books.content("beancount").decode()
    path = tmp_path / "books.beancount"
    path.write_text(text)
    entries, errors, _ = beancount.loader.load_file(str(path))
    assert errors == []
    assert sum(type(entry).__name__ == "Transaction" for entry in entries) == books.exports("beancount").entries
    balance = next(line for line in text.splitlines() if " balance " in line and "~" in line and " 0.00 ~" not in line)
    figure = balance.split(" ~ ")[0].rpartition(" ")[2]
    path.write_text(text.replace(balance, balance.replace(f"{figure} ~", f"{Decimal(figure) + Decimal('0.01')} ~")))
    assert len(beancount.loader.load_file(str(path))[1]) == 1


@pytest.mark.skipif(HLEDGER is None, reason="hledger is not installed")
def test_hledger_finds_nothing_wrong_and_a_cent_that_is(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "books.journal"
    text = books.content("hledger").decode()
    path.write_text(text)
    assert hledger(path, "check", "--strict") == ""
    texts = hledger(path, "balance", "--flat", "--no-total", "-O", "csv", "Assets", "Liabilities")
    stood = dict(row[:2] for row in csv.reader(io.StringIO(texts)))
    wanted: dict[str, int] = defaultdict(int)
    for row in balances.trial_balance(books.shop.merchant.id):
        mapped = mapped_accounts(books.shop.merchant)[row.code]
        wanted[mapped.code] += row.amount if mapped.nature not in ("income", "expense") else 0
    found = {
        next(code for code in sorted(wanted, key=len, reverse=True) if f":{code}-" in name): cents(figure.split()[0])
        for name, figure in stood.items()
        if name != "account"
    }
    assert found == {code: amount for code, amount in wanted.items() if amount}
    path.write_text(text.replace("= 9.99 EUR", "= 9.98 EUR"))
    assert "assertion" in hledger(path, "check")


def hledger(path: Path, *arguments: str) -> str:
    done = subprocess.run([str(HLEDGER), "-f", str(path), *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


# Statements of a receivable


@pytest.mark.parametrize(("kind", "reader"), [("camt053", Camt053()), ("mt940", Mt940())])
def test_our_own_reader_reads_a_statement_of_a_receivable(books: Books, kind: str, reader: Any) -> None:
    content = books.content(kind, account=books.receivable)
    assert reader.identify(content[:4096], f"statement.{kind}")
    records = list(reader.parse(io.BytesIO(content)))
    assert not [record for record in records if isinstance(record, Problem)]
    header, *lines, trailer = records
    assert isinstance(header, StatementHeader)
    assert isinstance(trailer, StatementTrailer)
    number = mapped_accounts(books.shop.merchant)[books.receivable].number
    assert (header.account, header.currency, header.opening) == (number, "EUR", Money(0, "EUR"))
    assert trailer.closing == Money(books.balance(books.receivable), "EUR")
    assert [line.amount.amount for line in lines[:2]] == [5_000, 2_550]
    # Sales come in, fees and the payout go out, and what is left is not settled yet.
    paid_out = sum(line.amount.amount for line in lines if line.code == "NTRF")
    charged = sum(line.amount.amount for line in lines if line.code == "NCHG")
    assert paid_out < 0 and charged < 0
    assert 5_000 + 2_550 + charged + paid_out == 0
    assert lines[0].end_to_end_id.startswith("web-")
    assert {line.booked_on for line in lines} == {books.today}


def test_a_payout_stands_on_the_statement_by_its_reference(books: Books) -> None:
    records = Camt053().parse(io.BytesIO(books.content("camt053", account=books.receivable)))
    (payout,) = [one for one in records if isinstance(one, StatementLine) and one.code == "NTRF"]
    assert payout.end_to_end_id == Payout.objects.get().reference


def test_a_statement_may_be_asked_for_by_the_accounts_id(books: Books) -> None:
    (account,) = [one for one in books.accounts() if one.code == books.receivable]
    assert books.exports("mt940", account=account.id).account == books.receivable


@pytest.mark.skipif(not SCHEMAS.exists(), reason="the published schemas are not here")
def test_a_camt_statement_is_valid_by_the_published_schema(books: Books) -> None:
    schema = etree.XMLSchema(etree.parse(SCHEMAS / "camt.053.001.02.xsd"))
    for first in (books.today, books.today - dt.timedelta(days=400)):
        content = books.content("camt053", account=books.receivable, first=first, last=first)
        schema.assertValid(etree.fromstring(content))


# The audit file


def all_of(root: Any, path: str) -> Iterator[Any]:
    yield from root.iterfind("/".join(f"{{*}}{part}" for part in path.split("/")))


@pytest.mark.parametrize("kind", ["xaf32", "xaf40"])
def test_an_audit_file_is_valid_and_closes_as_the_trial_balance(books: Books, kind: str, tmp_path: Path) -> None:
    year = {"first": dt.date(books.today.year, 1, 1), "last": dt.date(books.today.year, 12, 31)}
    content = books.content(kind, **year)
    assert findings(content, tmp_path) == []
    root = etree.fromstring(content)
    stood: dict[str, int] = defaultdict(int)
    for line in [
        *all_of(root, "company/openingBalance/obLine"),
        *all_of(root, "company/transactions/journal/transaction/trLine"),
    ]:
        stood[line.findtext("{*}accID")] += cents(line.findtext("{*}amnt")) * (
            1 if line.findtext("{*}amntTp") == "D" else -1
        )
    mapped = mapped_accounts(books.shop.merchant)
    wanted: dict[str, int] = defaultdict(int)
    for row in balances.trial_balance(books.shop.merchant.id, year["last"]):
        wanted[mapped[row.code].code] += row.amount
    assert {code: amount for code, amount in stood.items() if amount} == dict(wanted)


def findings(content: bytes, folder: Path) -> list[str]:
    """What the checks that importers make find in an audit file: the official schema and the rules beside it."""
    path = folder / "books.xaf"
    path.write_bytes(content)
    report = pyxaf.validate(path, xsd=True)
    return [str(found) for found in report.findings if found.severity != pyxaf.Severity.INFO]


UNRULY: Final = [
    "Tom & Jerry <1>",
    "]]>",
    "\N{WRAPPED PRESENT} cadeau",
    "one\nline",
    "a\ttab",
    "next\x85line",
    "no\ufffecharacter",
    "é" * 200,
]


@pytest.fixture
def unruly(books: Books) -> Books:
    """The same month with names and texts as people write them."""
    merchant = books.shop.merchant
    Channel.objects.filter(merchant=merchant).update(
        name='R&D <Outlet> "Zuid" – €5 & meer, een naam die veel langer is dan vijftig tekens lang'
    )
    ProviderAccount.objects.filter(merchant=merchant).update(name="O'Neill & Søn " * 7)
    Merchant.objects.filter(id=merchant.id).update(name="Bloem & Zn <b> " * 10, vat_number="NL001234567B01")
    for text in UNRULY:
        sold = books.shop.sells_online(100)
        Payment.objects.filter(id=sold.id).update(description=text)
        type(sold.order).objects.filter(id=sold.order_id).update(
            reference=f"{text[:5].strip()}{sold.id[-10:]}{'x' * 49}"
        )
    return books


@pytest.mark.parametrize("kind", ["xaf32", "xaf40"])
def test_an_audit_file_holds_texts_as_people_write_them(unruly: Books, kind: str, tmp_path: Path) -> None:
    content = unruly.content(kind)
    assert findings(content, tmp_path) == []
    root = etree.fromstring(content)
    texts = " ".join(
        line.findtext("{*}desc") for line in all_of(root, "company/transactions/journal/transaction/trLine")
    )
    for text in UNRULY:
        assert text.replace("\ufffe", "") in texts
    names = [one.findtext("{*}accDesc") for one in all_of(root, "company/generalLedger/ledgerAccount")]
    assert any('R&D <Outlet> "Zuid" – €5 & meer' in name for name in names)


def test_every_kind_takes_texts_as_people_write_them(unruly: Books, tmp_path: Path) -> None:
    account = {"account": unruly.receivable}
    path = tmp_path / "books.beancount"
    path.write_bytes(unruly.content("beancount"))
    assert beancount.loader.load_file(str(path))[1] == []
    rows = list(csv.reader(io.StringIO(unruly.content("journal_csv").decode("utf-8-sig"))))
    assert len({len(row) for row in rows}) == 1
    CalamineWorkbook.from_filelike(io.BytesIO(unruly.content("journal_xlsx"))).get_sheet_by_index(0).to_python()
    for reader, kind in ((Camt053(), "camt053"), (Mt940(), "mt940")):
        records = list(reader.parse(io.BytesIO(unruly.content(kind, **account))))
        assert not [record for record in records if isinstance(record, Problem)]
        assert sum(isinstance(record, StatementLine) and record.amount.amount == 100 for record in records) == len(
            UNRULY
        )
    if SCHEMAS.exists():
        schema = etree.XMLSchema(etree.parse(SCHEMAS / "camt.053.001.02.xsd"))
        schema.assertValid(etree.fromstring(unruly.content("camt053", **account)))
    if HLEDGER:
        path.write_bytes(unruly.content("hledger"))
        assert hledger(path, "check", "--strict") == ""


def test_an_audit_file_without_a_vat_number_says_so(books: Books) -> None:
    export = books.exports("xaf32")
    assert (export.status, [one["code"] for one in export.problems]) == ("ready", ["vat_number_missing"])


def test_journals_and_codes_are_the_accountants_own(books: Books, tmp_path: Path) -> None:
    values = {"code": "1300", "journal": "PSP", "vat_code": "VN", "name": "Nog te ontvangen"}
    change_mapping(books.shop.merchant, books.receivable, values=values, actor=BY)
    content = books.content("xaf32")
    assert findings(content, tmp_path) == []
    root = etree.fromstring(content)
    journals = [one.findtext("{*}jrnID") for one in all_of(root, "company/transactions/journal")]
    assert journals == ["MEMO", "PSP"]
    rows = list(csv.DictReader(io.StringIO(books.content("journal_csv").decode("utf-8-sig"))))
    own = [row for row in rows if row["ledger_account"] == books.receivable]
    assert {(row["account"], row["account_name"], row["vat_code"]) for row in own} == {
        ("1300", "Nog te ontvangen", "VN")
    }
    assert {row["journal"] for row in rows if row["event"] == "captured" and row["line"] == "1"} == {"PSP", "MEMO"}


def test_a_financial_year_may_begin_in_another_month(books: Books, tmp_path: Path) -> None:
    Merchant.objects.filter(id=books.shop.merchant.id).update(fiscal_year_start=7)
    books.shop.merchant.refresh_from_db()
    content = books.content("xaf40", first=dt.date(2026, 7, 1), last=dt.date(2027, 6, 30))
    assert findings(content, tmp_path) == []
    root = etree.fromstring(content)
    assert root.findtext("{*}header/{*}fiscalYear") == "2026-2027"
    assert {one.findtext("{*}periodNumber") for one in all_of(root, "company/transactions/journal/transaction")} == {
        str((books.today.month - 7) % 12 + 1)
    }
