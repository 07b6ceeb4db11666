"""The guard of what proves something: rows that stay, in whichever app."""

from django.db import migrations

GUARD = """
CREATE FUNCTION onetill_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what proves something stays as it is: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'onetill_stays';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_post_faster")]
    operations = [migrations.RunSQL(GUARD, "DROP FUNCTION onetill_stays()")]
