"""An MT940 bank statement of one account of ours, in the structured form of Dutch banks.

SWIFT's letters and the underscore only, which references have and readers take: what is none of them is written
without its accent, or as a dot. A line of `:86:` never begins
with a colon or a hyphen, which would end the field.
"""

import datetime as dt
import re
from collections.abc import Iterator
from typing import IO, ClassVar, Final

from reconciliation.exports.base import Books, Entry, major
from reconciliation.exports.statement import account_of, kind_of, moved, statement_id
from reconciliation.exports.text import ascii_letters, one_line

WIDTH: Final = 65
MOST_LINES: Final = 6
REFERENCE: Final = 16
_NOT_SWIFT: Final = re.compile(r"[^A-Za-z0-9/\-?:().,'+ _]")


class Mt940:
    """One message, with its opening and closing balance."""

    code: ClassVar[str] = "mt940"
    suffix: ClassVar[str] = "sta"
    media_type: ClassVar[str] = "text/plain"
    profiles: ClassVar[tuple[str, ...]] = ()
    of_one_account: ClassVar[bool] = True
    by_channel: ClassVar[bool] = False
    by_journal: ClassVar[bool] = False
    one_fiscal_year: ClassVar[bool] = False
    most_decimals: ClassVar[int] = 3

    def write(self, out: IO[bytes], books: Books, entries: Iterator[Entry]) -> None:
        account = account_of(books)
        before = books.first - dt.timedelta(days=1)
        out.write(
            _fields(
                f":20:{statement_id(books, REFERENCE)}",
                f":25:{account.number}",
                f":28C:{books.last:%y%j}",
                f":60F:{_balance(books, account.opening, before)}",
            )
        )
        for entry in entries:
            out.write(_entry(books, entry))
        out.write(_fields(f":62F:{_balance(books, account.closing, books.last)}"))


def _entry(books: Books, entry: Entry) -> bytes:
    amount, day = moved(entry), entry.book_date
    # A reference that was cut or written otherwise would be another's: it stands in the text alone.
    reference = entry.reference if _swift(entry.reference) == entry.reference else ""
    # A slash at an end or two together would end it.
    fits = 0 < len(reference) <= REFERENCE and "//" not in reference and reference.strip("/ ") == reference
    own = reference if fits else "NONREF"
    bank = entry.id[-REFERENCE:].upper()
    figure = major(abs(amount), books.exponent, point=",") + ("" if books.exponent else ",")
    mark = "C" if amount > 0 else "D"
    text = _swift(entry.text).replace("/", " ")
    return _fields(
        f":61:{day:%y%m%d%m%d}{mark}{figure}N{kind_of(entry)}{own}//{bank}",
        ":86:" + "\r\n".join(_wrapped(f"/EREF/{reference or 'NOTPROVIDED'}//REMI/USTD//{text}/")),
    )


def _balance(books: Books, amount: int, day: dt.date) -> str:
    figure = major(abs(amount), books.exponent, point=",") + ("" if books.exponent else ",")
    return f"{'C' if amount >= 0 else 'D'}{day:%y%m%d}{books.currency}{figure}"


def _swift(text: str) -> str:
    return _NOT_SWIFT.sub(".", ascii_letters(one_line(text)))


def _wrapped(text: str) -> Iterator[str]:
    """In lines, which readers join again without anything between."""
    rest = text
    for _ in range(MOST_LINES):
        end = WIDTH
        # The next line would begin with what ends a field, or with a blank that some readers drop: break before it.
        while end < len(rest) and end > 1 and rest[end] in ":- ":
            end -= 1
        if rest:
            yield rest[:end]
        rest = rest[end:]


def _fields(*fields: str) -> bytes:
    return "".join(f"{field}\r\n" for field in fields).encode("ascii")
