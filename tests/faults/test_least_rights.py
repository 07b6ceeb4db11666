"""Code that runs with the application's role tries everything, and leaves every proof as it is.

What it can still do is to lie forward, as the application itself could: add rows, and decide what is open. That is said in
config/THREAT_MODEL.md, and is what the second person, the audit log and the other side's records are for.
"""

import os
from collections.abc import Callable
from typing import Final

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from payments import audit_log
from payments.models import ProviderEvent
from payments.people.models import Approval, User
from tests.builders import Shop, open_shop
from tests.config.test_backup import Installation, home_folder

PROVING: Final = {
    "people_approval": "requested_by = 'somebody else'",
    "people_auditlog": "actor = 'somebody else'",
    "payments_transition": "actor = 'somebody else'",
    "payments_cardevidence": "posted = '{}'",
    "payments_providerevent": "body = ''",
    "notify_event": "data = '{}'",
    "ledger_journalentry": "event = 'other'",
    "ledger_posting": "amount = 0",
    "ledger_account": "kind = 'other'",
    "ledger_bookday": "actor = 'somebody else'",
    "django_migrations": "name = 'other'",
}
WAYS: Final[tuple[Callable[[str, str], str], ...]] = (
    lambda table, change: f"UPDATE {table} SET {change}",
    lambda table, change: f"DELETE FROM {table}",
    lambda table, change: f"DELETE FROM {table} WHERE false",
    lambda table, change: f"TRUNCATE {table} CASCADE",
    lambda table, change: f"ALTER TABLE {table} DISABLE TRIGGER ALL",
    lambda table, change: f"ALTER TABLE {table} OWNER TO CURRENT_USER",
    lambda table, change: f"DROP TABLE {table} CASCADE",
    lambda table, change: f"CREATE RULE away AS ON INSERT TO {table} DO INSTEAD NOTHING",
    lambda table, change: f"CREATE TRIGGER mine BEFORE INSERT ON {table} EXECUTE FUNCTION onetill_stays()",
)
ANYWHERE: Final = (
    "SET session_replication_role = replica",
    "SET ROLE {owner}",
    "SET SESSION AUTHORIZATION {owner}",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('ledger', '9999', now())",
    "CREATE TABLE mine (x int)",
    "CREATE OR REPLACE FUNCTION onetill_stays() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
    "DROP FUNCTION onetill_stays() CASCADE",
    "COPY people_user TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
)

NO_RIGHT, GUARDED = "42501", "23001"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop() -> Shop:
    """A shop with something of each kind."""
    shop = open_shop()
    shop.pay_cash(1250)
    audit_log.write(actor="system", action="x", subject=shop.merchant, merchant_id=shop.merchant.id)
    return shop


def assert_refused(statement: str) -> None:
    """For want of a right, or by a guard: not because the statement is none."""
    with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert isinstance(refused.value.__cause__, psycopg.Error)
    assert refused.value.__cause__.sqlstate in (NO_RIGHT, GUARDED), f"{statement}: {refused.value}"


@pytest.mark.parametrize("table", PROVING)
def test_no_way_leads_around(shop: Shop, table: str) -> None:
    for way in WAYS:
        assert_refused(way(table, PROVING[table]))


def test_nor_does_any_other(shop: Shop) -> None:
    owner = psycopg.conninfo.conninfo_to_dict(os.environ["DATABASE_OWNER_URL"])["user"]
    for statement in ANYWHERE:
        assert_refused(statement.replace("{owner}", str(owner)))


@pytest.fixture
def decided(shop: Shop) -> Approval:
    asker, decider = User.objects.create_user("asker"), User.objects.create_user("decider")
    row = Approval.objects.create(
        merchant_id=shop.merchant.id, subject_type="refund", subject_id="ref_1", action="refund", requested_by=asker.id
    )
    row.decided_by, row.decided_at, row.decision = decider, timezone.now(), "rejected"
    row.save(update_fields=["decided_by", "decided_at", "decision"])
    return row


@pytest.mark.parametrize(
    "change", ["decision = 'approved'", "note = 'well done'", "decided_at = now()", "decided_by_id = requested_by",
               "decision = NULL, decided_by_id = NULL, decided_at = NULL"],
)  # fmt: skip
def test_what_was_decided_is_decided(decided: Approval, change: str) -> None:
    assert_refused(f"UPDATE people_approval SET {change}")


def test_what_was_asked_for_stays_while_it_is_open(shop: Shop) -> None:
    Approval.objects.create(
        merchant_id=shop.merchant.id, subject_type="refund", subject_id="ref_1", action="refund", requested_by="usr_1"
    )
    for column in ("requested_by", "subject_id", "action", "merchant_id", "payload"):
        assert_refused(f"UPDATE people_approval SET {column} = {column}")
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("UPDATE people_approval SET requested_by = 'usr_2'")


def test_the_work_on_a_provider_event_goes_on(shop: Shop) -> None:
    """Its body is evidence; how far its application is, is not."""
    about = {"merchant": shop.merchant, "provider_account": shop.account("simulator"), "due_at": timezone.now()}
    row = ProviderEvent.objects.create(**about, event_id="evt_1", body=b"{}")
    with transaction.atomic():
        locked = ProviderEvent.objects.select_for_update().get(pk=row.pk)
        locked.status, locked.due_at = ProviderEvent.Status.APPLIED, None
        locked.save(update_fields=["status", "due_at"])
    assert ProviderEvent.objects.get(pk=row.pk).status == "applied"


OWNING: Final = """
from django.conf import settings
print(sorted(settings.DATABASES), bool(settings.DATABASE_OWNER_URL))
"""


def test_only_commands_that_need_it_know_the_owner() -> None:
    """In an embedded installation: not its shell, and so not its web, stream or workers, which start the same way."""
    with home_folder() as folder:
        done = Installation(folder).manage("shell", "-v0", "-c", OWNING)
        assert done.stdout.splitlines() == ["['default'] False"], done.stderr


def test_a_migration_by_the_application_is_refused_with_what_to_do() -> None:
    given = {"DATABASE_URL": os.environ["DATABASE_URL"], "REDIS_URL": "redis://127.0.0.1:9"}
    with home_folder() as folder:
        done = Installation(folder).manage("migrate", **given)
    assert (done.returncode, "set DATABASE_OWNER_URL to the role that owns them" in done.stderr) == (1, True)
