"""Every kind of export writes the same small books as its golden file has them; `GOLDEN=write` writes those anew.

A difference here is a difference in what accountants are given: look at it before the golden file is replaced.
"""

import datetime as dt
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from reconciliation import registry
from reconciliation.exports.base import Account, Books, Company, Entry, Line, Nature, Totals
from reconciliation.exports.profiles import PROFILES

GOLDEN: Final = Path(__file__).parent / "golden"
WRITES: Final = os.environ.get("GOLDEN") == "write"
KINDS: Final = registry.export_kinds()
CASES: Final = [(code, profile) for code, kind in KINDS.items() for profile in kind.profiles or ("",)]


def account(ledger_code: str, code: str, name: str, nature: Nature, opening: int, closing: int) -> Account:
    return Account(
        ledger_code=ledger_code,
        code=code,
        name=name,
        nature=nature,
        journal="PSP" if code == "1210" else "MEMO",
        vat_code="VN" if code == "4700" else "",
        number="PAC1" if code == "1210" else code,
        opening=opening,
        closing=closing,
    )


PSP: Final = account("receivable:pac_1", "1210", "Te ontvangen Stripe & Co", Nature.ASSET, 10_000, 20_000)
TAKINGS: Final = account("takings:chn_1", "2010", 'Ontvangsten "Utrecht"', Nature.CLEARING, -10_000, -22_500)
FEES: Final = account("fees:pac_1", "4700", "Kosten", Nature.EXPENSE, 0, 60)
TRANSIT: Final = account("in_transit:pac_1", "1250", "Onderweg", Nature.ASSET, 0, 2_440)
ENTRIES: Final = [
    ("captured", dt.date(2026, 3, 9), "=1001", "Verkoop =1001: één <boeket>", [(PSP, 12_500), (TAKINGS, -12_500)]),
    ("settled", dt.date(2026, 3, 10), "SET-1", "Afrekening SET-1", [(PSP, -60), (FEES, 60)]),
    ("payout_announced", dt.date(2026, 3, 10), "P/2026-1", "Uitbetaling P/2026-1", [(TRANSIT, 2_440), (PSP, -2_440)]),
]


def entries(*, of: Account | None = None, by_journal: bool = False) -> Iterator[Entry]:
    """The entries; of one account, what each changes there."""
    made = [
        Entry(
            id=f"jrn_{number:026}",
            key=f"key:{number}",
            event=event,
            book_date=day,
            journal=lines[0][0].journal,
            reference=reference,
            text=text,
            invoice="F-2026-17" if event == "captured" else "",
            lines=[Line(on, amount, f"pay_{number}") for on, amount in lines if of is None or on is of],
        )
        for number, (event, day, reference, text, lines) in enumerate(ENTRIES, 1)
    ]
    return iter(sorted(made, key=lambda entry: entry.journal) if by_journal else made)


def written(code: str, profile: str) -> bytes:
    kind, out = KINDS[code], io.BytesIO()
    of = PSP if kind.of_one_account else None
    books = Books(
        company=Company(
            name="Bloem & Zn", country="NL", vat_number="NL001234567B01", registration_number="", fiscal_year_start=1
        ),
        currency="EUR",
        exponent=2,
        first=dt.date(2026, 3, 1),
        last=dt.date(2026, 3, 31),
        profile=profile,
        accounts=(PSP,) if of else (FEES, PSP, TAKINGS, TRANSIT),
        totals=Totals(entries=3, postings=6, debit=15_000, credit=15_000, booked_on=dt.date(2026, 4, 1)),
        statement_of=of,
    )
    kind.write(out, books, entries(of=of, by_journal=kind.by_journal))
    return out.getvalue()


@pytest.mark.parametrize(("code", "profile"), CASES)
def test_it_writes_what_the_golden_file_has(code: str, profile: str) -> None:
    path = GOLDEN / "-".join(filter(None, (code, profile)))
    path = path.with_suffix(f".{KINDS[code].suffix}")
    content = written(code, profile)
    if WRITES:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    assert content == path.read_bytes()
    assert content == written(code, profile)


@pytest.mark.parametrize("code", KINDS)
def test_it_reads_the_entries_as_they_come_and_writes_as_it_reads(code: str) -> None:
    """A kind that kept its entries would hold a year in memory: the first must be written before the last is read."""
    kind = KINDS[code]
    out, seen = io.BytesIO(), list[int]()
    of = PSP if kind.of_one_account else None

    def many() -> Iterator[Entry]:
        (one, *_) = entries(of=of)
        for number in range(20_000):
            seen.append(out.tell())
            yield replace(one, id=f"jrn_{number:026}")

    books = Books(
        company=Company(name="B", country="NL", vat_number="", registration_number="", fiscal_year_start=1),
        currency="EUR",
        exponent=2,
        first=dt.date(2026, 3, 1),
        last=dt.date(2026, 3, 31),
        profile=next(iter(kind.profiles), ""),
        accounts=(PSP,) if of else (PSP, TAKINGS),
        totals=Totals(entries=20_000, postings=40_000, debit=1, credit=1, booked_on=None),
        statement_of=of,
    )
    kind.write(out, books, many())
    # A workbook is packed in the end; its rows go to a file of their own meanwhile.
    assert seen[-1] > out.tell() * 0.9 or code == "journal_xlsx"


def test_every_kind_and_profile_has_a_golden_file_and_none_is_left_over() -> None:
    known = {"-".join(filter(None, case)) + f".{KINDS[case[0]].suffix}" for case in CASES}
    assert {path.name for path in GOLDEN.iterdir()} == known
    assert set(PROFILES) == set(KINDS["journal_csv"].profiles)
