"""How much may be decided without another person: on one order in all, and by one person in a day.

Both are counted, never per request: four refunds of € 49.00 on one order are € 196.00, by
whichever person and channel. What was given back elsewhere (a device, a provider's dashboard) counts too: no second
person approved it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.db.models.functions import Abs

from payments.core.ids import earliest
from payments.models import Discrepancy, Merchant, RefundPart
from payments.models.refund import PartStatus
from payments.people.actors import Actor, name_of
from payments.people.models import Approval
from payments.services import sql

PER_ORDER: Final = "second_person_above"
PER_DAY: Final = "second_person_above_daily"
NOT_GIVEN: Final = (PartStatus.REQUIRES_APPROVAL, PartStatus.FAILED, PartStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit that a decision passes: its name, its height, and what counts towards it, the decision included.

    In minor units. An amount in another currency than the limit's cannot be held against it, and passes it.
    """

    limit: str
    height: int
    counted: int
    currency: str
    limit_currency: str
    rule: Mapping[str, str] | None = None  # id and name, of a merchant's own refund rule

    def payload(self) -> dict[str, Any]:
        """Return it as it is stored with the approval and shown by the API."""
        payload = {"limit": self.limit, "amount": self.height, "counted": self.counted, "currency": self.currency}
        return payload if self.rule is None else {**payload, "rule": dict(self.rule)}


def of_refund(
    *, merchant: Merchant, order_id: str, amount: int, currency: str, actor: Actor, now: datetime
) -> Exceeded | None:
    """The limit that giving back this much passes. Under the order's lock it is certain, else a forecast."""
    height = merchant.second_person_above
    if height is not None:
        counted = amount + _sum(RefundPart.objects.filter(refund__order_id=order_id))
        # No rate is at hand under a lock; an amount that cannot be compared needs the second person.
        if counted > height or currency != merchant.currency:
            return Exceeded(PER_ORDER, height, counted, currency, merchant.currency)
    return _of_day(merchant, amount, currency, actor, now)


def of_correction(
    *, merchant: Merchant, amount: int, currency: str | None, actor: Actor, now: datetime, beside: int = 0
) -> Exceeded | None:
    """The limit that booking or accepting a difference of this much passes; `currency` None: of no amount.

    `beside` is what the person has corrected today of differences that are open still, in the merchant's currency.
    """
    if currency is None or not amount:
        return None
    height, counted = merchant.second_person_above, abs(amount)
    if height is not None and (counted > height or currency != merchant.currency):
        return Exceeded(PER_ORDER, height, counted, currency, merchant.currency)
    return _of_day(merchant, counted, currency, actor, now, beside=beside)


def midnight(merchant: Merchant, now: datetime) -> datetime:
    """When the merchant's day began: what counts towards a person's day is of that moment or later."""
    return now.astimezone(merchant.zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _of_day(
    merchant: Merchant, amount: int, currency: str, actor: Actor, now: datetime, *, beside: int = 0
) -> Exceeded | None:
    """The limit of a person's business day; keys and Onetill itself have none of this kind."""
    height, person = merchant.second_person_above_daily, name_of(actor)
    # A key stands for no person who has a day; what it requests adds up on the order.
    if height is None or not person.startswith("usr_"):
        return None
    # Two requests of one person on two orders hold different locks; without this one each would miss the other.
    sql.done(sql.ONE_PERSON_AT_A_TIME, [f"{merchant.id} {person}"])
    counted = amount + beside + _given_today(merchant, person, now) + _corrected_today(merchant, person, now)
    if counted <= height and currency == merchant.currency:
        return None
    return Exceeded(PER_DAY, height, counted, currency, merchant.currency)


def _given_today(merchant: Merchant, person: str, now: datetime) -> int:
    today = {"refund__business_day": merchant.business_day(now), "refund__currency": merchant.currency}
    since = earliest("ref", midnight(merchant, now))  # finds them by an index
    return _sum(
        RefundPart.objects.filter(refund__merchant=merchant, refund_id__gte=since, refund__requested_by=person, **today)
    )


def _corrected_today(merchant: Merchant, person: str, now: datetime) -> int:
    # By when they were resolved: a correction has no business day.
    rows = Discrepancy.objects.filter(
        merchant=merchant, resolved_by=person, resolved_at__gte=midnight(merchant, now), currency=merchant.currency
    )
    # What two people decided and undid is no approval of what one of them decides about it afterwards.
    undone = Approval.objects.filter(
        subject_id=OuterRef("subject_id"),
        action=Approval.Action.UNDO_RESOLUTION,
        decision=Approval.Decision.APPROVED,
        decided_at__gte=OuterRef("decided_at"),
    )
    sums = rows.exclude(id__in=_approved().exclude(Exists(undone))).aggregate(total=Sum(Abs("amount")))
    return sums["total"] or 0


def _sum(parts: QuerySet[RefundPart]) -> int:
    """The amount given back by these without a second person's approval, in minor units."""
    return without_second_person(parts).aggregate(total=Sum("amount"))["total"] or 0


def without_second_person(parts: QuerySet[RefundPart]) -> QuerySet[RefundPart]:
    """Those that were decided by one: what another person has approved does not use up what one may decide alone."""
    return parts.exclude(status__in=NOT_GIVEN).exclude(refund_id__in=_approved())


def _approved() -> QuerySet[Approval, str]:
    approved = Approval.objects.filter(decision=Approval.Decision.APPROVED, alone=False)
    return approved.values_list("subject_id", flat=True)
