"""A second person agrees to refund rules; people issue vouchers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0011_matching_rules"),
    ]

    operations = [
        migrations.AlterField(
            model_name="approval",
            name="action",
            field=models.CharField(
                choices=[
                    ("refund", "refund"),
                    ("release_transfer", "release of a bank transfer"),
                    ("release_batch", "release of a batch of bank transfers"),
                    ("issue_voucher", "issue of a voucher"),
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
                    ("change_refund_rules", "change of refund rules"),
                    ("decide_alone", "deciding alone"),
                    ("add_provider_account", "new provider account"),
                    ("change_provider_account", "change of a provider account"),
                    ("change_matching_rules", "tolerance of matching rules"),
                    ("change_payout", "change of credentials or payout account"),
                    ("add_connector", "new connector to bookkeeping software"),
                    ("change_connector", "change of where the books are sent"),
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
