"""Transitions, card evidence and provider events stay: what they say is never written again, and none is deleted."""

from django.db import migrations

from payments.db import rights

PROVEN = (
    "id", "merchant_id", "terminal_id", "series", "sequence", "type", "amount", "currency", "occurred_at", "rrn", "stan",
    "authorization_code", "acquirer_tid", "acquirer_mid", "posted", "created_at",
)  # fmt: skip
HEARD = ("id", "merchant_id", "provider_account_id", "event_id", "body", "announces", "created_at")


class Migration(migrations.Migration):
    dependencies = [("payments", "0018_captures_under_way"), ("ledger", "0006_stays")]
    operations = [
        *rights.keep("payments_transition"),
        # What a transaction that waited was about, or how one without an outcome ended, is known later.
        *rights.keep("payments_cardevidence", frozen=PROVEN, changing=("payment_id", "operation_id", "settled")),
        *rights.keep(
            "payments_providerevent",
            frozen=HEARD,
            changing=("status", "detail", "deliveries", "attempts", "due_at", "applied_at"),
        ),
    ]
