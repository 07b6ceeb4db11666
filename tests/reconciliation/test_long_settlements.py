"""A long settlement is booked in parts, and the books say of it what they say of a short one."""

import pytest

from payments.ledger.audit import question
from payments.ledger.models import JournalEntry, Posting
from reconciliation import journal
from reconciliation.audit import sql
from reconciliation.models import Payout, Settlement, SettlementLine
from reconciliation.sql import session as session
from tests.reconciliation.conftest import Shop, card_present, settlement_csv


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "PART", 2)
    monkeypatch.setattr(session, "PIECE", 2)


def settle(shop: Shop, amounts: list[int]) -> Settlement:
    """Sales in the store, settled in one file."""
    for number, amount in enumerate(amounts):
        shop.sells_in_store(amount, rrn=f"0000000001{number:02}")
    lines = [card_present(amount, rrn=f"0000000001{number:02}", fee=10) for number, amount in enumerate(amounts)]
    assert shop.sends(settlement_csv(*lines, payout="P-1")).status == "imported"
    return Settlement.objects.get()


@pytest.mark.parametrize(("payments", "entries"), [(1, 1), (2, 2), (3, 2), (5, 3)])
def test_every_part_is_an_entry_and_all_of_it_is_one_net(shop: Shop, payments: int, entries: int) -> None:
    settlement = settle(shop, [1000 * number for number in range(1, payments + 1)])
    booked = JournalEntry.objects.filter(key__startswith=f"settlement:{settlement.item}")
    assert booked.count() == entries
    assert max(entry.lines for entry in booked) <= 6  # two payments, the net, fees and VAT
    assert SettlementLine.objects.filter(state="matched").count() == payments
    assert shop.balance("receivable") == 0
    assert shop.balance("in_transit") == settlement.net == Payout.objects.get().amount
    assert shop.balance("fees") == settlement.fee


def test_the_audit_knows_the_parts(shop: Shop) -> None:
    settlement = settle(shop, [1000, 2000, 3000, 4000, 5000])
    ask = question("settlement_wrong", sql.SETTLEMENTS_WRONG.format(part=2))
    assert list(ask()) == []
    missing = question("settlement_wrong", sql.SETTLEMENTS_WRONG.format(part=1000))
    assert {violation.subject for violation in missing()} == {settlement.file_id}


def test_unknown_lines_are_items_in_suspense_in_every_part(shop: Shop) -> None:
    lines = [card_present(1000, rrn=f"00000000020{number}") for number in range(5)]
    shop.sends(settlement_csv(card_present(500, kind="terminal_refund", rrn="000000000299"), *lines))
    assert shop.balance("suspense") == -sum(SettlementLine.objects.values_list("gross", flat=True))
    items = Posting.objects.filter(account__code="suspense").values_list("item", flat=True)
    assert len(set(items)) == SettlementLine.objects.filter(state="unknown").count() == 6
    assert len(shop.disagreements("unknown_line")) == 6
