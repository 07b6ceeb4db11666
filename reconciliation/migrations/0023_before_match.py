"""What a settlement's line was before a rule matched it late, so that undoing the match gives all of it back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0022_sftp")]

    operations = [
        migrations.AddField(
            model_name="settlementline",
            name="before_match",
            field=models.JSONField(blank=True, null=True),
        ),
    ]
