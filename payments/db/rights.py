"""What the application may never do to a table that proves something: delete from it, or change what was written.

A migration takes the right from the application's role, and puts a guard (a trigger) behind it, which also holds where
one role is owner and application in one, and against a slip of the owner's hand. Both are statement-level: a statement
that is allowed pays nothing.
"""

from collections.abc import Callable, Collection
from typing import Final

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import StateApps

GUARD: Final = "onetill_stays"  # the function of the migration 0006 of the ledger


def keep(table: str, *, frozen: Collection[str] = (), changing: Collection[str] = ()) -> list[Operation]:
    """Operations after which rows of `table` stay.

    Args:
        frozen: columns that are never written again; none: no column is.
        changing: columns the application may still write; the role gets the right to these alone.
    """
    update = f"UPDATE OF {', '.join(frozen)}" if frozen else "UPDATE"
    guard = (
        f"CREATE TRIGGER {table}_stays BEFORE {update} OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {GUARD}()"
    )
    return [migrations.RunSQL(guard, f"DROP TRIGGER {table}_stays ON {table}"), take(table, changing=changing)]


def take(table: str, *, changing: Collection[str] = ()) -> Operation:
    """The operation that leaves the application's role to read and add, and to write the `changing` columns."""
    columns = ", ".join(changing)
    grant = [f"GRANT UPDATE ({columns}) ON {table} TO {{role}}"] if columns else []
    revoke = [f"REVOKE UPDATE ({columns}) ON {table} FROM {{role}}"] if columns else []
    return migrations.RunPython(
        _each(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {{role}}", *grant),
        _each(*revoke, f"GRANT UPDATE, DELETE ON {table} TO {{role}}"),
    )


def _each(*statements: str) -> Callable[[StateApps, BaseDatabaseSchemaEditor], None]:
    def run(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        application, owner = (str(settings.DATABASES[alias]["USER"]) for alias in ("default", "owner"))
        if application != owner:
            for statement in statements:
                editor.execute(statement.format(role=editor.quote_name(application)))

    return run
