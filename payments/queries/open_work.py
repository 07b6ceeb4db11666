"""How much waits for one person, and in which modes their merchants are: one statement, since every page shows it."""

from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Func, IntegerField, Model, QuerySet, Subquery
from django.db.models.functions import Coalesce

from payments.models import Discrepancy, Merchant, Payment
from payments.models.payment import PaymentStatus
from payments.people.models import Approval, User
from payments.people.permissions import May, anywhere, within
from payments.people.services.approvals import decidable_by


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """Counts of what waits for a person, and the modes (`live`, `test`) of the merchants they see."""

    approvals: int
    discrepancies: int
    unknown_outcomes: int
    modes: frozenset[str]


def of_person(user: User) -> OpenWork:
    """Count the undecided requests they may decide, the open discrepancies and the unknown outcomes they see."""
    here = within(user, May.SEE)
    row = (
        User.objects.filter(pk=user.pk)
        .annotate(
            approvals=_count(Approval.objects.filter(decidable_by(user))),
            discrepancies=_count(Discrepancy.objects.filter(here).exclude(status=Discrepancy.Status.RESOLVED)),
            unknown_outcomes=_count(Payment.objects.filter(here, status=PaymentStatus.UNKNOWN)),
            modes=ArraySubquery(
                Merchant.objects.filter(anywhere(user, May.SEE, merchant="id")).order_by().values("mode").distinct()
            ),
        )
        .values("approvals", "discrepancies", "unknown_outcomes", "modes")
        .get()
    )
    return OpenWork(
        approvals=row["approvals"],
        discrepancies=row["discrepancies"],
        unknown_outcomes=row["unknown_outcomes"],
        modes=frozenset(row["modes"]),
    )


def _count(rows: QuerySet[Model]) -> Coalesce:
    """The number of rows as a value of another query; 0 also where Django knows that there can be none."""
    counted = Func(F("pk"), function="COUNT", output_field=IntegerField())
    return Coalesce(Subquery(rows.order_by().annotate(counted=counted).values("counted")), 0)
