"""The memory of signed requests: a webhook-id is used once, and its repetition gets the first answer."""

from django.db import models
from django.utils import timezone

from terminals.models.terminal import Terminal


class SignedRequest(models.Model):
    """One webhook-id of one terminal, committed together with what its request did.

    Retention: 31 days, as for idempotency keys; after that a repeated transaction is still known by its sequence.
    """

    id = models.BigAutoField(primary_key=True)
    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="+", db_index=False)
    webhook_id = models.CharField(max_length=64, db_collation="C")
    fingerprint = models.CharField(max_length=64)  # keyed hash of method, path and body
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["terminal", "webhook_id"], name="signed_request_once")]
        indexes = [models.Index(fields=["created_at"], name="signed_request_age")]

    def __str__(self) -> str:
        return self.webhook_id
