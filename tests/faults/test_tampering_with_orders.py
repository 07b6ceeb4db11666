"""What the audit asks about orders: each question is proven by a lie of somebody with all rights."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import psycopg
import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from payments.core.money import Money
from payments.ledger import audit
from payments.services.card_present.types import Kind, Original
from payments.services.voucher import VoucherRequest, create_voucher
from tests.builders import BY, Shop, open_shop
from tests.conftest import SERVERS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]
Tell = Callable[[str], set[str]]


@pytest.fixture
def shop() -> Shop:
    """Orders of which each tells one story that finance has to hear of, or must be able to rely on."""
    shop = open_shop()
    twice = shop.pin(4_000, order_reference="TWICE").order
    shop.pin(4_000, order=twice)
    gift = shop.pin(5_000, order_reference="GIFT")
    create_voucher(VoucherRequest(merchant=shop.merchant, amount=Money(5_000, "EUR"), order=gift.order), actor=BY)
    shop.at_terminal(Kind.REFUND, 5_000, original=Original(payment_id=gift.id))
    one = shop.pin(1_000, order_reference="DOORS")
    shop.pin(3_000, order=one.order)
    shop.pin_back(1_000, one)
    shop.pin_back(1_000, one)  # by another door; the order has enough for it
    shop.pin_back(700)  # of which no sale is known
    shop.pay(1_000, manual_capture=True)
    return shop


@pytest.fixture
def named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tell]:
    """Tell a lie, and what rules the audit then names as broken; afterwards all is as it was."""
    if SERVERS.postgres is None:
        pytest.skip("the servers are given, without their superuser")
    checks = [import_string(path) for path in settings.LEDGER_AUDITS]
    with psycopg.connect(SERVERS.postgres.url("postgres", SERVERS.name), autocommit=True) as raw:
        monkeypatch.setattr(audit, "connection", SimpleNamespace(chunked_cursor=raw.cursor))

        def tell(lie: str) -> set[str]:
            with raw.transaction(force_rollback=True):
                raw.execute("SET LOCAL session_replication_role = replica")
                assert raw.execute(lie).rowcount, lie
                return {found.rule for found in audit.violations(checks)}

        yield tell


NAMED = "(SELECT id FROM payments_order WHERE reference = '{}')"
LIES = [
    ("refundable_differs", f"UPDATE payments_order SET captured = captured + 100 WHERE id = {NAMED.format('DOORS')}"),
    ("refundable_differs", f"UPDATE payments_order SET refunded = refunded - 100 WHERE id = {NAMED.format('DOORS')}"),
    ("given_back_twice", "DELETE FROM payments_discrepancy WHERE kind = 'unlinked_refund'"),
    ("given_back_twice", "DELETE FROM payments_discrepancy WHERE key LIKE 'over_returned:pay%'"),
    ("voucher_and_refund_stand", "DELETE FROM payments_discrepancy WHERE key LIKE 'over_returned:ord%'"),
    ("voucher_and_refund_stand", "UPDATE payments_voucher SET order_id = NULL WHERE order_id IS NOT NULL"),
    ("voucher_and_refund_stand", "UPDATE payments_order SET vouchers_sold = 0 WHERE vouchers_sold > 0"),
    ("overpaid_differs", "DELETE FROM payments_discrepancy WHERE kind = 'overpaid'"),
    ("overpaid_differs", "UPDATE payments_discrepancy SET amount = amount + 7 WHERE kind = 'overpaid'"),
    ("overpaid_differs", f"UPDATE payments_order SET total = 8000 WHERE id = {NAMED.format('TWICE')}"),
    ("overpaid_differs", f"UPDATE payments_order SET total = 500 WHERE id = {NAMED.format('DOORS')}"),
    ("captures_under_way_differ", "UPDATE payments_payment SET amount_under_way = 7 WHERE manual_capture"),
]


def test_every_lie_about_an_order_is_named_by_its_rule(named: Tell) -> None:
    assert named("SELECT 1") == set()
    unnamed = [(rule, lie) for rule, lie in LIES if rule not in named(lie)]
    assert unnamed == []
