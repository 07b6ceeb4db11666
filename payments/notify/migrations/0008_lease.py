from django.db import migrations


class Migration(migrations.Migration):
    """Call the model Lease. The table keeps its name, so the running version goes on: no SQL is executed."""

    dependencies = [
        ("notify", "0007_mail_sealed"),
    ]

    operations = [
        migrations.AlterModelTable(name="seat", table="notify_seat"),
        migrations.RenameModel(old_name="Seat", new_name="Lease"),
    ]
