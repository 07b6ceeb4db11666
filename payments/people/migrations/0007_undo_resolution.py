"""A resolution may be undone; what needed a second person needs one again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0006_sign_ins"),
    ]

    operations = [
        migrations.AlterField(
            model_name="approval",
            name="action",
            field=models.CharField(
                choices=[
                    ("refund", "refund"),
                    ("release_transfer", "release of a bank transfer"),
                    ("write_off", "write-off"),
                    ("forced_match", "forced match"),
                    ("book_fee", "booking as a fee"),
                    ("suspense", "move to suspense"),
                    ("accept", "acceptance of a difference"),
                    ("undo_resolution", "undoing of a resolution"),
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
    ]
