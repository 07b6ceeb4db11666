"""Which request named which object: committed with what the request made, so that a retry finds it."""

from django.db import models
from django.db.models import Q

from payments.db.fields import IdField
from payments.models.merchant import Merchant


class IdempotencyKey(models.Model):
    """One key of one merchant. While `status` is null its first request runs, or broke off before `lease_until`.

    Retention: 31 days; bodies may hold a customer's name.
    """

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    key = models.CharField(max_length=255, db_collation="C")  # callers choose it: compared byte by byte
    fingerprint = models.BinaryField(max_length=32)
    object_id = IdField()
    status = models.PositiveSmallIntegerField(null=True)
    body = models.BinaryField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "key"], name="idempotency_key"),
            models.CheckConstraint(
                condition=Q(status__isnull=True, body__isnull=True) | Q(status__isnull=False, body__isnull=False),
                name="idempotency_answer",
            ),
        ]
        # For the hourly sweep, which deletes by age.
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return self.key
