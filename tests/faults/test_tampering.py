"""Whatever a superuser changes in the books, or in what the books are about, the audit names it.

`make test` tries some changes; `TAMPERINGS` says how many, `SEED` which.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from payments.ledger import audit
from tests import sql
from tests.api.client import Api
from tests.builders import Shop, open_shop
from tests.conftest import SERVERS
from tests.faults import world
from tests.reconciliation.conftest import IBAN
from tests.reconciliation.conftest import Shop as Finance

TAMPERINGS: Final = int(os.environ.get("TAMPERINGS", "40"))
SEED: Final = int(os.environ.get("SEED") or 1)

pytestmark = pytest.mark.django_db(transaction=True)

MOVED = "outcome = 'succeeded' AND verb IN ('sale', 'capture', 'refund') AND reversed_at IS NULL"
HELD = "status IN ('requires_approval', 'queued', 'pending', 'unknown', 'succeeded')"
OPEN = "status IN ('queued', 'pending', 'unknown', 'failed')"
STRANGE = "'zzz_00000000000000000000000000'"


@dataclass(frozen=True)
class Change:
    """One way to lie: in which table, what is set (nothing: the row is deleted), of which rows."""

    table: str
    change: str | None
    where: str = "true"


def changes(table: str, where: str = "true", *sets: str) -> list[Change]:
    return [Change(table, each, where) for each in sets]


# Amounts change by what no other row has, so that two lies cannot agree.
LEDGER: Final = [
    *changes("ledger_posting", "true", "amount = amount + 7", "amount = -amount", "account_id = account_id + 1"),
    *changes("ledger_posting", "true", "line = line + 9", "xid = xid - 1", f"entry_id = {STRANGE}"),
    *changes("ledger_posting", "item IS NOT NULL", "item = item + 1000", "item = NULL"),
    *changes("ledger_journalentry", "true", "key = key || 'x'", "event = event || 'x'", f"merchant_id = {STRANGE}"),
    *changes("ledger_journalentry", "true", "lines = lines + 1", f"id = {STRANGE}", "seal = sha256('')"),
    *changes("ledger_journalentry", "true", "book_date = book_date + 1", "booked_at = booked_at + interval '1 s'"),
    *changes("ledger_journalentry", "true", "occurred_at = occurred_at - interval '1 s'", f"reverses_id = {STRANGE}"),
    *changes("ledger_account", "true", "code = code || 'x'", "currency = 'USD'", f"merchant_id = {STRANGE}"),
    *changes("ledger_account", "true", "item_required = NOT item_required", "created_at = now()", "seal = ''"),
    *changes("ledger_bookday", "true", "closed_at = closed_at - interval '1 day'", "day = day + 1", "actor = 'x'"),
    *(Change(table, None) for table in ("ledger_posting", "ledger_journalentry")),
]
FOLDED: Final = [
    *changes("ledger_balancecheckpoint", "true", "amount = amount + 7", "postings = postings + 1"),
    *changes("ledger_balancecheckpoint", "true", "book_date = book_date + 1"),
    *changes("ledger_openitem", "true", "amount = amount + 7", "item = item + 1000"),
    *(Change(table, None) for table in ("ledger_balancecheckpoint", "ledger_openitem")),
]
PAYMENTS: Final = [
    *changes("payments_operation", MOVED, "outcome = 'declined'", f"id = {STRANGE}"),
    *changes("payments_operation", f"{MOVED} AND verb <> 'refund'", "amount = amount + 7", "reversed_at = now()"),
    *changes("payments_operation", f"{MOVED} AND verb <> 'refund'", f"payment_id = {STRANGE}"),
    *changes("payments_operation", "outcome IN ('declined', 'unknown') AND verb = 'sale'", "outcome = 'succeeded'"),
    *changes("payments_operation", "reversed_at IS NOT NULL AND verb = 'sale'", "reversed_at = NULL"),
    *changes("payments_payment", "true", "amount_captured = amount_captured + 7"),
    *changes("payments_payment", "true", "amount_refunded = amount_refunded + 7", "refund_reserved = 7"),
    *changes("payments_payment", "true", "amount_charged_back = amount_charged_back + 7"),
    *changes("payments_payment", "amount_captured > 0", "provisional = NOT provisional", f"order_id = {STRANGE}"),
    *changes("payments_order", "true", "captured = captured + 7", "refunded = refunded + 7"),
    *changes("payments_order", "true", "refund_reserved = refund_reserved + 7", "charged_back = charged_back + 7"),
    *changes("payments_order", "refunded <= captured", "excess = excess + 7"),
    *changes("payments_refundpart", HELD, "amount = amount + 7"),
    *changes("payments_refundpart", "status = 'succeeded'", "status = 'failed'", "status = 'canceled'"),
    *changes("payments_refundpart", OPEN, "item = item + 1000", "status = 'succeeded'"),
    *changes("payments_chargeback", "status IN ('open', 'lost')", "status = 'won'", "amount = amount + 7"),
    *changes("payments_chargeback", "status = 'won'", "status = 'open'"),
    *changes("payments_voucher", "balance > 0", "balance = balance + 7", "status = 'expired'", "item = item + 1000"),
    *changes("payments_statistictotal", "true", "sales_amount = sales_amount + 7", "refunds_amount = 7777"),
    *changes("payments_statisticdelta", "true", "sales_amount = sales_amount + 7", "chargebacks_amount = 7777"),
    *changes("payments_statistictotal", "sales_amount <> 0", "business_day = business_day + 1", "tips_amount = 7"),
    *changes("payments_statisticdelta", "sales_amount <> 0", "business_day = business_day + 1", "tips_amount = 7"),
    *changes("payments_statisticdelta", "refunds_amount <> 0", "channel_id = 'chn_00000000000000000000000000'"),
    Change("payments_operation", None, MOVED),
    Change("payments_payment", None, "amount_captured > 0"),
    Change("payments_refundpart", None, "status = 'succeeded'"),
    Change("payments_chargeback", None, "status IN ('open', 'lost')"),
    Change("payments_voucher", None, "balance > 0"),
]
APPROVED = "posted ->> 'outcome' = 'approved' AND NOT posted ? 'resolves' AND type IN ('sale', 'refund')"
# Kinds of which the audit can tell from the rows whether they should stand open, and what closed by itself.
OPEN_FACTS = (
    "status = 'open' AND kind IN ('outcome_unknown', 'sequence_gap', 'unknown_line', 'amount_differs',"
    " 'payout_differs', 'over_returned')"
)
EXPLAINED = "status = 'resolved' AND kind = 'outcome_unknown' AND key LIKE '%:op_%'"
DISCREPANCIES: Final = [
    *changes("payments_discrepancy", OPEN_FACTS, """status = 'resolved', resolution = '{"action": "explained"}'"""),
    *changes("payments_discrepancy", EXPLAINED, "status = 'open'"),
    *changes("payments_discrepancy", "kind = 'sequence_gap'", "sequences = '[[1, 2]]'"),
    *changes("reconciliation_settlementline", "state = 'unknown'", "state = 'early'"),
    Change("payments_discrepancy", None, OPEN_FACTS),
]
REAL = "EXISTS (SELECT FROM terminals_terminal d WHERE d.id = terminal_id)"
AROUND: Final = [
    *changes("payments_cardevidence", REAL, "sequence = sequence + 1000"),
    *changes("payments_cardevidence", f"{REAL} AND {APPROVED}", "amount = amount + 7", "currency = 'USD'"),
    *changes("terminals_terminaltransaction", "true", "sequence = sequence + 1000", "series = series + 1"),
    *changes("terminals_terminaltransaction", "payment_id IS NOT NULL", f"payment_id = {STRANGE}"),
    *changes("terminals_terminal", "true", "last_sequence = last_sequence + 1", "missing = '[]'"),
    *changes("reconciliation_settlement", "true", "gross = gross + 7, net = net + 7"),
    *changes("reconciliation_settlement", "true", "fee = fee + 7, net = net - 7", "vat = vat + 7, net = net - 7"),
    *changes("reconciliation_settlementline", "true", "gross = gross + 7", "fee = fee + 7"),
    *changes("reconciliation_payout", "true", "amount = amount + 7", "amount_received = amount_received + 7"),
    *changes("reconciliation_bankstatementline", "state <> 'other'", "amount = amount + 7"),
    Change("payments_cardevidence", None, REAL),
    *(Change(table, None) for table in ("terminals_terminaltransaction", "reconciliation_settlementline")),
]
ALL: Final = [*LEDGER, *FOLDED, *PAYMENTS, *DISCREPANCIES, *AROUND]


@pytest.fixture
def books(simulator: Any, settings: Any, tmp_path: Any) -> Shop:
    """Two merchants' books with a little of everything."""
    settings.MEDIA_ROOT = tmp_path
    shop = open_shop()
    shop.merchant.iban = IBAN
    shop.merchant.save()
    finance = Finance(shop.merchant, shop.webshop, shop.store, simulator)
    world.fill(shop, finance, api_of(shop))
    return shop


def api_of(shop: Shop) -> Api:
    from payments.people.services import api_keys

    key = api_keys.create(
        merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], channel_id=shop.store.id, actor="tests"
    )
    return Api(key.text)


@pytest.fixture
def superuser(books: Shop) -> Iterator[psycopg.Connection]:
    """Somebody for whom there are no guards."""
    if SERVERS.postgres is None:
        pytest.skip("the servers are given, without their superuser")
    with psycopg.connect(SERVERS.postgres.url("postgres", SERVERS.name), autocommit=True) as raw:
        yield raw


@pytest.fixture
def named(superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What the audit names as this connection sees the books."""
    monkeypatch.setattr(audit, "connection", SimpleNamespace(chunked_cursor=superuser.cursor))
    extra = [import_string(path) for path in settings.LEDGER_AUDITS]
    return lambda: [f"{found.rule} {found.subject} {found.detail}" for found in audit.violations(extra)]


def test_every_lie_is_named(superuser: psycopg.Connection, named: Callable[[], list[str]]) -> None:
    assert named() == []
    chance = random.Random(SEED)
    order = [*ALL * (TAMPERINGS // len(ALL)), *chance.sample(ALL, TAMPERINGS % len(ALL))]
    unnamed = [
        lie for lie in order if not sql.lied(superuser, lie.table, lie.change, lie.where, chance.random(), named)
    ]
    assert not unnamed, f"SEED={SEED}: {unnamed}"
    assert named() == []


KEPT: Final = ("ledger_posting", "ledger_journalentry", "ledger_account", "ledger_bookday")


@pytest.mark.parametrize("table", KEPT)
def test_the_application_is_refused_each_of_them(table: str) -> None:
    """What is booked is out of its role's reach, by any column, and so are the guards themselves."""
    lies = [lie for lie in LEDGER if lie.table == table]
    tries = [f"UPDATE {table} SET {lie.change} WHERE {lie.where}" for lie in lies if lie.change is not None]
    tries += [f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE", f"ALTER TABLE {table} DISABLE TRIGGER ALL"]
    tries += [f"DROP TABLE {table} CASCADE", "SET session_replication_role = replica"]
    assert [statement for statement in tries if not sql.is_refused(connection, statement)] == []
