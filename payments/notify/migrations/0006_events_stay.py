"""Events stay as they were told. (Where a backup is restored, the owner counts their transactions anew: `xid`.)"""

from django.db import migrations

from payments.db import rights

TOLD = ("id", "merchant_id", "channel_id", "type", "object_type", "object_id", "data", "test_mode", "created_at")


class Migration(migrations.Migration):
    dependencies = [("notify", "0005_mail_to_users"), ("ledger", "0006_stays")]
    operations = rights.keep("notify_event", frozen=TOLD)
