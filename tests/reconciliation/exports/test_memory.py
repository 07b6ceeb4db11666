"""An export of 60,000 postings holds no more memory than one of 15,000."""

import tracemalloc
from typing import Final

from payments.core.ids import new_id
from payments.ledger.posting import AccountSpec, Entry, credit, debit, post
from payments.models import Merchant
from reconciliation.services.make_export import make_export
from tests.reconciliation.conftest import Shop
from tests.reconciliation.exports.conftest import Books

RECEIVABLE: Final = AccountSpec("receivable:pac_1", "asset", "EUR", item_required=True)
TAKINGS: Final = AccountSpec("takings:chn_1", "income", "EUR")
LINES: Final = 20  # of one entry


def test_memory_stays_flat(shop: Shop) -> None:
    books = Books(shop, shop.merchant.business_day(shop.merchant.created_at))
    sell(shop.merchant, 750)  # several times what is read at once
    few = peak(books)
    sell(shop.merchant, 2_250)
    assert peak(books) < 1.2 * few


def sell(merchant: Merchant, entries: int) -> None:
    for _ in range(entries // 250):
        post([_entry(merchant) for _ in range(250)])


def _entry(merchant: Merchant) -> Entry:
    lines = [*(debit(RECEIVABLE, 100, item) for item in range(1, LINES)), credit(TAKINGS, 100 * (LINES - 1))]
    return Entry(f"capture:{new_id('op')}", "captured", merchant.id, merchant.created_at, merchant.timezone, lines)


def peak(books: Books) -> int:
    """Bytes that Python holds at most while the books are exported."""
    export = books.asks("xaf40")
    tracemalloc.start()
    try:
        make_export(export.id)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        export.refresh_from_db()
        assert export.status == "ready", export.problems
