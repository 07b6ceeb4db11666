from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("terminals", "0002_to_tell"),
    ]

    operations = [
        migrations.AddField(
            model_name="terminal",
            name="signature_version",
            field=models.PositiveSmallIntegerField(db_default=1, default=1, editable=False),
        ),
    ]
