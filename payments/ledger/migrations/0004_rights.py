"""The application may add to the books, and no more: its role loses the rights to change or remove what is booked."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

BOOKED = ["ledger_account", "ledger_journalentry", "ledger_posting", "ledger_bookday"]


def revoke(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Take the rights away, unless one role is owner and application in one (the triggers refuse it all the same)."""
    _each_table(editor, "REVOKE UPDATE, DELETE, TRUNCATE ON {} FROM {}")


def grant(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Give back what every other table's rights are."""
    _each_table(editor, "GRANT UPDATE, DELETE ON {} TO {}")


def _each_table(editor: BaseDatabaseSchemaEditor, statement: str) -> None:
    application, owner = (str(settings.DATABASES[alias]["USER"]) for alias in ("default", "owner"))
    if application == owner:
        return
    for table in BOOKED:
        editor.execute(statement.format(table, editor.quote_name(application)))


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_post")]
    operations = [migrations.RunPython(revoke, grant)]
