"""Whatever is booked, in whatever order, folded whenever: the books stay balanced and the checkpoints true."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.ledger import audit, days
from payments.ledger.balances import balance, open_items, trial_balance
from payments.ledger.fold import fold
from payments.ledger.models import JournalEntry
from payments.ledger.posting import AccountSpec, Entry, Line, post
from payments.ledger.reversing import Reversal, reverse
from tests.ledger.books import FRIDAY, NOON, ZONE, new_merchant

CODES = {"receivable:pac_a": True, "refunds_payable": True, "takings:chn_a": False, "till:chn_b": False}
SPECS = {
    (code, currency): AccountSpec(code, "asset", currency, item_required=rule)
    for code, rule in CODES.items()
    for currency in ("EUR", "JPY")
}
lines = st.lists(
    st.tuples(
        st.sampled_from(sorted(CODES)), st.integers(1, 10**11), st.sampled_from(sorted(CODES)), st.integers(1, 4)
    ),
    min_size=1,
    max_size=6,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.lists(st.tuples(lines, st.booleans(), st.integers(-2, 2)), max_size=5)),
        st.tuples(st.just("reverse"), st.integers(0, 30)),
        st.tuples(st.just("close"), st.integers(-2, 3)),
        st.tuples(st.just("fold"), st.integers(1, 8)),
    ),
    max_size=12,
)


class Model:
    """What arithmetic alone says about the books, beside the books."""

    def __init__(self) -> None:
        self.merchant = new_merchant()
        self.balances: Counter[tuple[str, str]] = Counter()
        self.items: Counter[tuple[str, str, int]] = Counter()
        self.booked: list[Entry] = []
        self.reversed: set[str] = set()

    def post(self, given: list[tuple[list[tuple[str, int, str, int]], bool, int]]) -> None:
        entries = [self._entry(*one) for one in given]
        post(entries)
        for entry in entries:
            self._count(entry, 1)
        self.booked += entries

    def reverse(self, number: int) -> None:
        still_open = [entry for entry in self.booked if entry.key not in self.reversed]
        if still_open:
            entry = still_open[number % len(still_open)]
            reverse([Reversal(entry.key, f"reversal:{entry.key}", "reversed", NOON, ZONE)])
            self.reversed.add(entry.key)
            self._count(entry, -1)

    def close(self, offset: int) -> None:
        days.close_day(self.merchant, FRIDAY + timedelta(days=offset), actor="tests")

    def fold(self, limit: int) -> None:
        fold(limit)

    def check(self) -> None:
        for (code, currency), spec in SPECS.items():
            assert balance(self.merchant, spec) == self.balances[code, currency]
        totals: Counter[str] = Counter()
        for row in trial_balance(self.merchant):
            totals[row.currency] += row.amount
        assert not any(totals.values())
        found = {(row.code, row.currency, row.item): row.amount for row in open_items(self.merchant)}
        assert found == {key: amount for key, amount in self.items.items() if amount}
        with audit.one_moment():
            assert list(audit.violations()) == []

    def _entry(self, given: list[tuple[str, int, str, int]], yen: bool, offset: int) -> Entry:
        made = []
        for index, (debit, amount, credit, item) in enumerate(given):
            currency = "JPY" if yen and index % 2 else "EUR"
            for code, signed in ((debit, amount), (credit, -amount)):
                made.append(Line(SPECS[code, currency], signed, item if CODES[code] else None))
        key = f"property:{self.merchant}:{len(self.booked)}:{id(made)}"
        return Entry(key, "any", self.merchant, NOON + timedelta(days=offset), ZONE, made)

    def _count(self, entry: Entry, sign: int) -> None:
        for line in entry.lines:
            self.balances[line.account.code, line.account.currency] += sign * line.amount
            if line.item is not None:
                self.items[line.account.code, line.account.currency, line.item] += sign * line.amount


@pytest.mark.django_db(transaction=True)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_the_books_agree_with_arithmetic(steps: list[tuple[str, Any]]) -> None:
    model = Model()
    for step, argument in steps:
        getattr(model, step)(argument)
    model.check()
    assert JournalEntry.objects.filter(merchant_id=model.merchant).count() == len(model.booked) + len(model.reversed)
