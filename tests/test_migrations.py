"""Every migration goes back, and comes again.

`make test` takes back the newest of each app, since older ones do not change any more. `MIGRATIONS=full` (as in `make soak`)
takes back all of them, to nothing, and what the last migration of the books changed by itself.
"""

import os
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from tests.conftest import SERVERS
from tests.stack import PROJECT

# Each time: everything of ours that there is in the database.
SCHEMA = """
    SELECT 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid)
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
    UNION ALL
    SELECT 'trigger', t.tgrelid::regclass || ' ' || t.tgname, pg_get_triggerdef(t.oid)
    FROM pg_trigger t WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'constraint', c.conrelid::regclass || ' ' || c.conname, pg_get_constraintdef(c.oid)
    FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'index', i.indexname, i.indexdef FROM pg_indexes i WHERE i.schemaname = 'public'
    UNION ALL
    SELECT 'column', c.table_name || ' ' || c.column_name, concat_ws(' ', c.data_type, c.column_default, c.is_nullable)
    FROM information_schema.columns c WHERE c.table_schema = 'public'
    UNION ALL
    SELECT 'right', c.relname, c.relacl::text FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S')
"""

FULL = os.environ.get("MIGRATIONS") == "full"
NEWEST = 4  # of each app: more than one change brings
APPS = ("reconciliation", "terminals", "payments", "notify", "people", "ledger")
BACK = f"""
from django.core.management import call_command
for app in {APPS}:
    call_command("migrate", app, "zero", verbosity=0)
"""
NEWEST_BACK = f"""
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
executor = MigrationExecutor(connections["owner"])
known = {{app: sorted(name for label, name in executor.loader.disk_migrations if label == app) for app in {APPS}}}
executor.migrate([(app, names[-1 - {NEWEST}]) for app, names in known.items()])
"""
AGAIN = """
from django.core.management import call_command
call_command("migrate", "ledger", verbosity=0)
call_command("migrate", "ledger", "0004", verbosity=0)
"""


def schema(environment: dict[str, str]) -> set[Any]:
    with psycopg.connect(environment["DATABASE_OWNER_URL"]) as connection:
        return set(connection.execute(SCHEMA).fetchall())


def manage(environment: dict[str, str], *words: str) -> None:
    command = [sys.executable, str(PROJECT / "manage.py"), *words, "--verbosity=0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(FULL, reason="all go back")
@pytest.mark.usefixtures("django_db_setup")
def test_the_newest_of_each_app_go_back_and_come_again() -> None:
    with SERVERS.another() as environment:
        before = schema(environment)
        manage(environment, "shell", "-c", NEWEST_BACK)
        assert schema(environment) != before
        manage(environment, "migrate")
        assert schema(environment) == before


@pytest.mark.skipif(not FULL, reason="make soak")
@pytest.mark.usefixtures("django_db_setup")
def test_all_of_it_goes_back_and_comes_again() -> None:
    with SERVERS.another() as environment:
        before = schema(environment)
        manage(environment, "shell", "-c", BACK)
        assert {name for _, name, _ in schema(environment) if name.startswith(APPS)} == set()
        manage(environment, "migrate", "ledger", "0004")
        earlier = schema(environment)
        manage(environment, "shell", "-c", AGAIN)
        assert schema(environment) == earlier
        manage(environment, "migrate")
        assert schema(environment) == before
