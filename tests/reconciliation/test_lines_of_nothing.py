"""Lines of 0.00 (a notice of the bank, an authorization that was never captured) are information: no money moves.

They are kept, need no entry and no work, and stop neither the lines beside them nor anybody else's.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from payments.core.errors import ValidationFailed
from payments.ledger.audit import violations
from payments.models import Discrepancy
from payments.services.card_present.types import Kind
from reconciliation.audit import CHECKS
from reconciliation.models import BankStatementLine, SettlementLine
from reconciliation.services import rematch
from reconciliation.services.resolve import Resolution, resolve
from tests.reconciliation.conftest import BankLine, Line, Shop, card_present, settlement_csv, statement

MT940 = """:20:NOTICE-1
:25:NL91ABNA0417164300
:28C:331/1
:60F:C261126EUR1000,00
:61:2611271127C88,40NTRFNONREF//B27-0001
:86:166?00GUTSCHRIFT?20WEEK 48?32SIMULATOR PAYMENTS BV
:61:2611271127C0,00NTRFNONREF//B27-0002
:86:166?00GUTSCHRIFT?20CONTINUED?32SIMULATOR PAYMENTS BV
:62F:C261127EUR1088,40
"""
ONLY_A_NOTICE = """:20:NOTICE-2
:25:NL91ABNA0417164300
:28C:333/1
:60F:C261128EUR1088,40
:61:2611281128C0,00NTRFNONREF
:86:/NAME/SIMULATOR PAYMENTS BV/REMI/NOTICE/
:62F:C261128EUR1088,40
"""


def test_a_bank_line_of_nothing_is_kept_and_books_nothing(shop: Shop) -> None:
    notice = statement(BankLine(0, name="Simulator payments BV", text="Your day becomes Wednesday"))
    for content, lines in ((MT940, 2), (notice, 1), (ONLY_A_NOTICE, 1)):
        file = shop.sends(content)
        assert (file.status, file.lines, file.problems, file.attempts) == ("imported", lines, [], 1)
    assert [row.amount for row in shop.disagreements("unknown_line", "duplicate")] == [8840]
    assert (shop.balance("bank"), shop.balance("suspense")) == (8840, -8840)
    assert set(BankStatementLine.objects.filter(amount=0).values_list("state", flat=True)) == {"other"}
    assert list(violations(CHECKS)) == []


def test_a_settlement_line_of_nothing_books_its_fee_alone(shop: Shop) -> None:
    payment = shop.sells_in_store(1000, rrn="999000111222", stan="000009", acquirer_tid="12345601")
    line = card_present(0, rrn="999000111222", stan="000009", tid="12345601", fee=5)
    file = shop.sends(settlement_csv(line), provider_account=shop.account("external"))
    assert (file.status, shop.disagreements()) == ("imported", [])
    assert (shop.balance("fees"), shop.balance("receivable", payment.item)) == (5, 1000)  # its sale is still to come
    assert list(violations(CHECKS)) == []


def test_one_merchants_line_of_nothing_stops_nobodys_late_matching(open_shop: Callable[[str], Shop]) -> None:
    first, second = open_shop("Appel"), open_shop("Peer")
    for shop, line in (
        (first, card_present(0, rrn="9001", tid="12345601", fee=5)),
        (second, card_present(1000, rrn="9002", tid="12345601")),
    ):
        shop.sends(settlement_csv(line), provider_account=shop.account("external"))
    _kept_as_before(first)
    first.sells_in_store(1000, rrn="9001", acquirer_tid="12345601")
    second.sells_in_store(1000, rrn="9002", acquirer_tid="12345601")
    rematch.rematch()
    assert second.disagreements() == []


def test_what_an_older_version_left_of_nothing_can_be_closed_by_a_person(shop: Shop) -> None:
    shop.sends(settlement_csv(Line(0, 5, reference="who?")), provider_account=shop.account("simulator"))
    row = _kept_as_before(shop)
    payment = shop.sells_online(1000)
    resolution = Resolution(action="match", note="An authorization that was never captured.", with_=(payment.id,))
    with pytest.raises(ValidationFailed):
        resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor="tests")
    accepted = resolve(
        merchant=shop.merchant,
        discrepancy_id=row.id,
        resolution=Resolution(action="accept", note="A notice."),
        actor="tests",
    )
    assert accepted.status == "resolved"
    assert rematch.rematch() == 0


def test_a_device_may_tell_the_sale_of_a_line_of_nothing_at_any_time(shop: Shop) -> None:
    shop.sends(settlement_csv(card_present(0, rrn="9003", tid="12345601")), provider_account=shop.account("external"))
    shop.reports(Kind.SALE, 1000, rrn="9003", acquirer_tid="12345601")
    assert (rematch.rematch(), shop.disagreements()) == (0, [])


def _kept_as_before(shop: Shop) -> Discrepancy:
    """As a line of nothing was kept before it was known what it is: unknown, with an item of its own."""
    line = SettlementLine.objects.get(settlement__merchant=shop.merchant, gross=0)
    SettlementLine.objects.filter(id=line.id).update(state="unknown", item=99_000_000 + line.id)
    return Discrepancy.objects.create(
        merchant=shop.merchant,
        kind="unknown_line",
        key=f"unknown_line:{line.settlement_id}:{line.number}",
        amount=0,
        currency="EUR",
        item=99_000_000 + line.id,
        created_at=datetime.now(UTC),
    )
