"""Whoever owns the tables can take a row away; the audit names it, and where the chain itself was cut or forged."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Final

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from payments import audit_log
from payments.ledger import audit, chain, tasks
from payments.ledger.chain.sql import TRY_LOCK
from payments.ledger.models import ChainBlock
from payments.models import ProviderEvent
from payments.notify.models import Event
from payments.people.models import Approval, AuditLog, User
from tests import sql
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE: Final = timedelta(0)


@pytest.fixture
def shop() -> Shop:
    """A shop with rows of each kind, all of them noted."""
    shop = open_shop()
    for _ in range(3):
        shop.pay_cash(1250)
    shop.pin(2500)
    audit_log.write(actor="system", action="x", subject=shop.merchant, merchant_id=shop.merchant.id)
    asker = User.objects.create_user("asker")
    about = {"subject_type": "refund", "subject_id": "ref_1", "action": "refund", "requested_by": asker.id}
    Approval.objects.create(merchant_id=shop.merchant.id, **about)
    account = shop.account("simulator")
    ProviderEvent.objects.create(merchant=shop.merchant, provider_account=account, event_id="evt_1", body=b"{}")
    assert chain.extend(behind=AT_ONCE) > 10
    return shop


@pytest.fixture
def as_owner() -> Callable[[str], None]:
    """The owner of the tables, who has switched the guards off."""

    def run(statement: str) -> None:
        table = re.search(r"(?:FROM|UPDATE) (\w+)", statement)
        assert table is not None
        sql.past_guards(table[1], statement)

    return run


def named() -> list[str]:
    with audit.one_moment():
        return [f"{found.rule} {found.subject} {found.detail}" for found in chain.check()]


def test_untouched_rows_give_nothing_to_name(shop: Shop) -> None:
    assert named() == []
    assert chain.extend(behind=AT_ONCE) == 0  # each is noted once
    shop.pay_cash(300)
    assert chain.extend(behind=AT_ONCE) > 0
    assert named() == []
    assert set(ChainBlock.objects.values_list("table_name", flat=True)) == {each.table for each in chain.tables()}


@pytest.mark.parametrize("chained", chain.tables(), ids=lambda chained: chained.table)
def test_a_row_that_is_gone_is_named(shop: Shop, as_owner: Callable[[str], None], chained: chain.Chained) -> None:
    victim = ChainBlock.objects.filter(table_name=chained.table).latest("number").ids[-1]
    if chained.table == "ledger_journalentry":
        as_owner(f"DELETE FROM ledger_posting WHERE entry_id = '{victim}'")
    as_owner(f"DELETE FROM {chained.table} WHERE id = '{victim}'")
    assert named() == [f"row_missing {victim} {chained.table}: is gone (block 1)"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments_transition SET actor = 'somebody else'",
        "UPDATE people_auditlog SET after = '{}'",
        "UPDATE people_approval SET requested_by = 'somebody else'",
        "UPDATE notify_event SET data = '{}'",
        "UPDATE payments_cardevidence SET posted = '{}'",
        "UPDATE payments_providerevent SET body = ''",
        "UPDATE ledger_journalentry SET seal = ''",
    ],
)
def test_a_row_that_was_changed_is_named(shop: Shop, as_owner: Callable[[str], None], change: str) -> None:
    as_owner(change)
    assert {line.split()[0] for line in named()} == {"row_changed"}


def test_a_forged_block_is_named(shop: Shop, as_owner: Callable[[str], None]) -> None:
    """Whoever lacks our key can write the ids and hashes anew, and not the digest."""
    victim = Event.objects.latest("id").id
    as_owner(f"DELETE FROM notify_event WHERE id = '{victim}'")
    as_owner(
        f"UPDATE ledger_chainblock SET hashes = hashes[1:array_length(ids, 1) - 1], ids = array_remove(ids, '{victim}') "
        "WHERE table_name = 'notify_event'"
    )
    assert named() == ["chain_broken notify_event block 1 is not the one that was written"]


def test_a_block_in_the_middle_that_is_gone_is_named(
    shop: Shop, as_owner: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for amount in (100, 200):
        shop.pay_cash(amount)
        chain.extend(behind=AT_ONCE)
    as_owner("DELETE FROM ledger_chainblock WHERE table_name = 'notify_event' AND number = 2")
    assert "chain_broken notify_event block 2 is gone" in named()


def test_a_chain_that_was_cut_is_named_by_what_was_logged(
    shop: Shop, as_owner: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The last blocks, taken away with the rows they noted, are missed by nobody who has not kept the log."""
    shop.pay_cash(100)
    with caplog.at_level("INFO", logger="payments.ledger.chain"):
        chain.extend(behind=AT_ONCE)
    [anchor] = [line.removeprefix("chained ") for line in caplog.messages if "payments_transition" in line]
    call_command("audit_ledger", "--anchor", anchor, stdout=StringIO())
    as_owner("DELETE FROM ledger_chainblock WHERE table_name = 'payments_transition' AND number = 2")
    assert named() == []
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("audit_ledger", "--anchor", anchor, stdout=out)
    assert "chain_broken: payments_transition block 2 is not the one that was logged" in out.getvalue()


@pytest.mark.parametrize("anchor", ["", "payments_transition", "people_user:1:aa", "payments_transition:x:aa"])
def test_an_anchor_that_cannot_be_read_is_refused(db: None, anchor: str) -> None:
    with pytest.raises(CommandError, match="TABLE:BLOCK:DIGEST"):
        call_command("audit_ledger", "--anchor", anchor, stdout=StringIO())


def test_nothing_young_is_noted_and_nothing_beside_an_open_transaction(shop: Shop) -> None:
    """Its rows may have earlier ids, and would never be noted."""
    shop.pay_cash(100)
    assert chain.extend() == 0
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute("SELECT 1")  # since now
        shop.pay_cash(200)
        seen = chain.extend(behind=AT_ONCE)
        assert named() == []
        assert not ChainBlock.objects.filter(ids__contains=[Event.objects.latest("id").id]).exists()
    assert chain.extend(behind=AT_ONCE) > 0
    assert seen >= 0


def blocks(table: str) -> list[int]:
    """How many rows each block of a table holds."""
    found = ChainBlock.objects.filter(table_name=table).order_by("number")
    return [len(ids) for ids in found.values_list("ids", flat=True)]


def test_a_backlog_is_noted_in_blocks_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop()
    for _ in range(5):
        shop.pay_cash(100)
    monkeypatch.setattr(chain, "BLOCK", 2)
    assert chain.extend(behind=AT_ONCE) > 10
    assert blocks("ledger_journalentry") == [2, 2, 1]
    assert named() == []


def test_no_worker_is_held_by_a_backlog_and_the_rest_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    open_shop().pay_cash(100)
    monkeypatch.setattr(chain, "LONGEST", 0.0)
    assert chain.extend(behind=AT_ONCE) == 0
    monkeypatch.undo()
    assert chain.extend(behind=AT_ONCE) > 0
    assert blocks("ledger_journalentry") == [1]


def test_the_beat_notes_what_is_old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    open_shop().pay_cash(100)
    assert tasks.extend_chain() == 0
    monkeypatch.setattr(chain.extend, "__kwdefaults__", {"behind": AT_ONCE})
    assert tasks.extend_chain() > 0


def test_beside_another_run_nothing_is_noted_twice() -> None:
    open_shop().pay_cash(100)
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute(TRY_LOCK)
        assert chain.extend(behind=AT_ONCE) == 0
    assert chain.extend(behind=AT_ONCE) > 0


def test_a_decision_that_the_audit_log_does_not_know_is_named(shop: Shop) -> None:
    row = Approval.objects.get()
    decider = User.objects.create_user("decider")
    row.decided_by, row.decided_at, row.decision = decider, timezone.now(), "approved"
    row.save(update_fields=["decided_by", "decided_at", "decision"])
    from payments.audit import check

    with audit.one_moment():
        assert f"decision_differs {row.id}" in [f"{found.rule} {found.subject}" for found in check()]
    audit_log.write(actor=decider.id, action="refund.approved", subject=row, merchant_id=row.merchant_id)
    with audit.one_moment():
        assert list(check()) == []


def test_what_is_noted_survives_a_change_of_encryption_keys(shop: Shop, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["n" * 32, *settings.ENCRYPTION_KEYS]
    assert named() == []
    assert AuditLog.objects.exists()
