"""Approvals stay: what was asked for is never written again, what was decided is decided once, and none is deleted."""

from django.db import migrations

from payments.db import rights

# The decision itself, and what belongs to it, is written once, while it is open.
GUARD = """
CREATE FUNCTION people_approval_decided_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.decision IS NOT NULL THEN
        RAISE EXCEPTION 'approval % has been decided: it stays as it is', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'people_approval_decided_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER people_approval_decided_once BEFORE UPDATE ON people_approval
    FOR EACH ROW EXECUTE FUNCTION people_approval_decided_once();
"""
UNGUARD = """
DROP TRIGGER people_approval_decided_once ON people_approval;
DROP FUNCTION people_approval_decided_once();
"""
ASKED = (
    "id", "merchant_id", "channel_id", "subject_type", "subject_id", "action", "requested_by", "requested_at", "payload",
)  # fmt: skip
DECIDING = ("behind", "alone", "secrets", "decided_by_id", "decided_at", "decision", "note")


class Migration(migrations.Migration):
    dependencies = [("people", "0004_approvals_of_every_action"), ("ledger", "0006_stays")]
    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        *rights.keep("people_approval", frozen=ASKED, changing=DECIDING),
    ]
