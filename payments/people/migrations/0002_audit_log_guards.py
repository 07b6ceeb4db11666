"""The audit log only grows: triggers refuse the rest, and the application's role has no right to it."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

GUARD = """
CREATE FUNCTION people_audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log only grows: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER people_audit_log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON people_auditlog
    FOR EACH STATEMENT EXECUTE FUNCTION people_audit_log_only_grows();
"""
UNGUARD = """
DROP TRIGGER people_audit_log_only_grows ON people_auditlog;
DROP FUNCTION people_audit_log_only_grows();
"""


def revoke(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Take the rights away, unless one role is owner and application in one."""
    role = _application_role()
    if role:
        editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON people_auditlog FROM {editor.quote_name(role)}")


def grant(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Give them back."""
    role = _application_role()
    if role:
        editor.execute(f"GRANT UPDATE, DELETE ON people_auditlog TO {editor.quote_name(role)}")


def _application_role() -> str:
    application, owner = (settings.DATABASES[alias]["USER"] for alias in ("default", "owner"))
    return application if application != owner else ""


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNGUARD), migrations.RunPython(revoke, grant)]
