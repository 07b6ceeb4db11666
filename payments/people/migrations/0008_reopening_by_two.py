"""A closed day is reopened by two persons: PostgreSQL itself looks for the approval that a reopening names.

Beside it, what is asked about closes: closing despite the checklist, and reopening.
"""

from django.db import migrations, models

# The approval is for these days of this branch (or of the merchant as a whole, whose day reopens with a branch's), and
# is used for each of them once: an old one opens nothing again.
GUARD = """
CREATE FUNCTION people_reopening_by_two() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM people_approval a
        WHERE a.id = NEW.approval AND a.action = 'reopen_period' AND a.decision = 'approved'
            AND a.merchant_id = NEW.merchant_id AND NEW.branch IN ('', a.channel_id)
            AND NEW.day BETWEEN (a.payload ->> 'first')::date AND (a.payload ->> 'last')::date
    ) OR EXISTS (
        SELECT FROM ledger_bookday b
        WHERE (b.merchant_id, b.day, b.branch, b.approval) = (NEW.merchant_id, NEW.day, NEW.branch, NEW.approval)
    ) THEN
        RAISE EXCEPTION 'book day % of % stays closed: % is no approval of its reopening',
            NEW.day, NEW.merchant_id, NEW.approval
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'people_reopening_by_two';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER people_reopening_by_two BEFORE INSERT ON ledger_bookday
    FOR EACH ROW WHEN (NOT NEW.closed) EXECUTE FUNCTION people_reopening_by_two();
"""
UNGUARD = """
DROP TRIGGER people_reopening_by_two ON ledger_bookday;
DROP FUNCTION people_reopening_by_two();
"""


class Migration(migrations.Migration):
    dependencies = [("people", "0007_undo_resolution"), ("ledger", "0008_days_of_branches")]
    operations = [
        migrations.AlterField(
            "approval",
            "action",
            models.CharField(
                choices=[
                    ("refund", "refund"),
                    ("release_transfer", "release of a bank transfer"),
                    ("write_off", "write-off"),
                    ("forced_match", "forced match"),
                    ("book_fee", "booking as a fee"),
                    ("suspense", "move to suspense"),
                    ("accept", "acceptance of a difference"),
                    ("undo_resolution", "undoing of a resolution"),
                    ("close_period", "close of a day or month"),
                    ("override_close", "close in spite of its checklist"),
                    ("reopen_period", "reopening of a closed day or month"),
                    ("change_settings", "change of settings"),
                    ("change_money_rules", "change of money rules"),
                    ("decide_alone", "deciding alone"),
                    ("add_provider_account", "new provider account"),
                    ("change_provider_account", "change of a provider account"),
                    ("change_payout", "change of credentials or payout account"),
                    ("make_key", "new API key"),
                    ("roll_key", "rolling an API key"),
                    ("revoke_key", "revoking an API key"),
                    ("change_user", "change of a user"),
                    ("change_roles", "change of roles"),
                    ("take_second_factor", "taking a second factor away"),
                ],
                max_length=40,
                verbose_name="action",
            ),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
