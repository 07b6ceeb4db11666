"""How a story is written down: after each step the entries that it booked, and at the end what is still open."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from django.db.models import QuerySet

from payments import object_index
from payments.ledger.models import JournalEntry, Posting
from payments.queries import books
from payments.text.formatting import amount as written
from tests.ledger.examples.cast import Bloem

Story = Callable[[Bloem], Iterator[str]]

PAGE: Final = Path(__file__).resolve().parents[3] / "payments/ledger/EXAMPLES.md"
INTRODUCTION: Final = """\
# The books for developers: worked examples

Each story below was acted out by the real services, with the test provider and a real PostgreSQL, and this is what they booked.
`.venv/bin/python -m tests.ledger.examples` writes the page; `tests/ledger/test_examples.py` fails when it is no longer true.

How to read it, in five sentences:

1. One event is one **journal entry**; its **debits** and **credits** are equal, always.
2. An asset (`Receivable`, `Till`, `Bank`) grows by a debit; a debt (`Refunds payable`, `Vouchers`) and an income
   (`Takings`) grow by a credit.
3. Column *about* is the **open item**: what the line is about. A debit and a later credit about the same item cancel out,
   and what does not cancel out is what somebody still owes.
4. `Takings` and `Returns` include VAT: Onetill says what was paid and where it is; the shop's own accounting splits off the VAT.
5. Nothing booked is ever changed: what was wrong, or is taken back, gets an entry of its own.

The shop is called Bloem: a webshop (*Bloem online*) and a store in Utrecht. *Simulator* is the provider that takes payments
online, *External* the acquirer behind the PIN terminal. The grey line under a table is the event and the key of the entry,
which makes booking it twice harmless; ids are shortened to `…`.
"""

_IDS: Final = re.compile(r"\b([a-z]{2,4})_[0-9A-Za-z]{10,}")
_NUMBER: Final = re.compile(r"(?<=:)\d+(?=$|:)")  # of an item or a line of a file
_OBJECTS: Final = {
    "pay": "payment",
    "ref": "refund",
    "vch": "voucher",
    "cbk": "chargeback",
    "stl": "settlement",
    "line": "line",
    "pyo": "payout",
}


def chapter(number: int, story: Story, bloem: Bloem) -> str:
    """One story, acted out and written down."""
    title, _, text = inspect.cleandoc(story.__doc__ or "").partition("\n\n")
    teller = Teller(bloem)
    steps = [f"**{step}**\n\n{teller.booked()}" for step in story(bloem)]
    paragraphs = [f"## {number}. {title.rstrip('.')}", text, *steps, teller.what_is_open()]
    return "\n\n".join(paragraphs) + "\n"


class Teller:
    """Reads a shop's books as they grow, and gives every open item a name that a reader can follow."""

    def __init__(self, bloem: Bloem) -> None:
        self._bloem = bloem
        self._seen: set[str] = set()
        self._names: dict[int, str] = {}
        self._count: Counter[str] = Counter()

    def booked(self) -> str:
        """The entries since it was last asked, each as a table."""
        rows = JournalEntry.objects.filter(merchant_id=self._bloem.merchant.id).exclude(id__in=self._seen)
        # Entries of one transaction share its moment: what is owed is told before it is paid.
        entries = sorted(rows, key=lambda row: (row.booked_at, not row.event.endswith("_accepted"), row.id))
        self._seen |= {row.id for row in entries}
        return "\n\n".join(self._entry(row) for row in entries) or "Nothing is booked."

    def what_is_open(self) -> str:
        """The items that do not cancel out."""
        sums: Counter[tuple[str, int, str]] = Counter()
        for posting in self._postings().filter(item__isnull=False, account__item_required=True):
            sums[posting.account.code, posting.item or 0, posting.account.currency] += posting.amount
        called = books.names({code for code, _, _ in sums})
        left = [
            f"{called[code]}, {self._about(item, code)}: {written(abs(amount), currency)} {'debit' if amount > 0 else 'credit'}"
            for (code, item, currency), amount in sums.items()
            if amount
        ]
        return f"*Open at the end:* {'; '.join(left)}." if left else "*Open at the end:* nothing."

    def _entry(self, entry: JournalEntry) -> str:
        # Lines of a set are booked in whatever order the database found them.
        alike = groupby(self._postings().filter(entry=entry), key=lambda row: (row.account_id, row.amount > 0))
        postings = [row for _, rows in alike for row in sorted(rows, key=lambda row: row.item or 0)]
        called = books.names({row.account.code for row in postings})
        lines = ["| account | about | debit | credit |", "|---|---|--:|--:|"]
        for row in postings:
            money = written(abs(row.amount), row.account.currency)
            sides = (money, "") if row.amount > 0 else ("", money)
            about = self._about(row.item, row.account.code) if row.item is not None else ""
            lines.append(f"| {called[row.account.code]} | {about} | {sides[0]} | {sides[1]} |")
        reverses = f", reverses `{_short(entry.reverses.key)}`" if entry.reverses is not None else ""
        return "\n".join(lines) + f"\n\n<sub>{entry.event} · `{_short(entry.key)}`{reverses}</sub>"

    def _postings(self) -> QuerySet[Posting]:
        rows = Posting.objects.filter(account__merchant_id=self._bloem.merchant.id)
        return rows.select_related("account").order_by("entry__booked_at", "entry_id", "line")

    def _about(self, item: int, account: str) -> str:
        if item not in self._names:
            # What is in suspense is one line of a file; the file is all that an id leads to.
            prefix = "line" if account == "suspense" else object_index.objects_of([item])[item].partition("_")[0]
            self._count[prefix] += 1
            self._names[item] = f"{_OBJECTS[prefix]} {self._count[prefix]}"
        return self._names[item]


def _short(key: str) -> str:
    return _NUMBER.sub("…", _IDS.sub(r"\1_…", key))
