"""What a merchant's rules allow of a refund: rights with its plan, limits under the lock; each denial names its rule.

Of rights the most specific count: those of a person before those of a role, these before those of a channel, these
before everybody's. Of limits all count that bind the requester. A new merchant has no rules.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet, Sum

from payments.core.crypto import keyed_hash
from payments.core.errors import Forbidden
from payments.core.iban import compact
from payments.core.ids import earliest
from payments.models import Channel, Merchant, Payment, RefundPart, RefundRule
from payments.models.refund import PartStatus
from payments.models.refund_rule import LIMITS, RIGHTS
from payments.people.actors import Actor, name_of
from payments.people.models import Role
from payments.services import sql
from payments.services.limits import Exceeded, midnight, without_second_person
from payments.text.formatting import amount as written

Kind = RefundRule.Kind
WINDOW: Final = timedelta(days=35)  # in which what one account gets is added up
_NEVER_LEAVES: Final = (PartStatus.FAILED, PartStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that bind one requester in one channel."""

    merchant: Merchant
    channel: Channel
    actor: str
    operator: str
    rows: tuple[RefundRule, ...]

    @property
    def rights(self) -> list[RefundRule]:
        """The restrictions of the most specific level that says anything."""
        found = [row for row in self.rows if row.kind in RIGHTS]
        level = max(map(_specific, found), default=None)
        return [row for row in found if _specific(row) == level and row.kind != Kind.FREE]

    def of_accounts(self) -> "Rules":
        """Only the limits of what one bank account gets."""
        return replace(self, rows=tuple(row for row in self.rows if row.kind == Kind.PER_IBAN))

    @property
    def original_only(self) -> RefundRule | None:
        """The rule by which nothing goes back in another way than it came."""
        return next((row for row in self.rights if row.kind == Kind.ORIGINAL_ONLY), None)


def applying(*, merchant: Merchant, channel: Channel, actor: Actor, operator: str = "") -> Rules:
    """Read the rules that bind this requester in this channel; `operator` is whom a key names as acting."""
    name = name_of(actor)
    rows = RefundRule.objects.filter(Q(channel=None) | Q(channel=channel), merchant=merchant, active=True).order_by(
        "id"
    )
    found = [row for row in rows if row.person_id in (None, name)]
    if any(row.role for row in found):
        held = Role.objects.filter(Q(channel_id=None) | Q(channel_id=channel.id), user_id=name, merchant_id=merchant.id)
        roles = set(held.values_list("role", flat=True))
        found = [row for row in found if row.role in ("", *roles)]
    return Rules(merchant, channel, name, operator, tuple(found))


def check_rights(rules: Rules, payments: Iterable[Payment]) -> None:
    """Refuse to give back what another channel sold, where a rule says so.

    Raises:
        Forbidden: `refund_right_missing`, with `rule`.
    """
    own = next((row for row in rules.rights if row.kind == Kind.OWN_SALE), None)
    if own is not None and any(payment.channel_id != rules.channel.id for payment in payments):
        detail = f"“{own.name}” gives back only what {rules.channel.name} sold. Ask a colleague without this rule."
        raise Forbidden("refund_right_missing", detail, rule=named(own))


def check_account(rules: Rules, iban: str) -> None:
    """Refuse to pay to an account that the merchant has blocked.

    Raises:
        Forbidden: `iban_blocked`, with `rule`.
    """
    blocked = blocking(rules.rows, iban)
    if blocked is not None:
        detail = f"“{blocked.name}” blocks this bank account. Give back in another way, or ask who manages the rules."
        raise Forbidden("iban_blocked", detail, rule=named(blocked))


def blocking(rows: Iterable[RefundRule], iban: str) -> RefundRule | None:
    """The rule that blocks an account, of these."""
    blocked = {row.iban_hash: row for row in rows if row.kind == Kind.BLOCKED_IBAN}
    return blocked.get(iban_hash(iban)) if blocked else None


def check_limits(
    rules: Rules, *, amount: int, currency: str, to_iban: dict[str, int], now: datetime
) -> Exceeded | None:
    """Hold a refund against every limit, under locks that keep others from passing the same one at the same time.

    `amount` is all of it, `to_iban` what of it goes to which account, in minor units. An amount in another currency
    than the merchant's cannot be held against a limit, and passes it. Return the limit for which a second person is
    needed, None where nobody is.

    Raises:
        Forbidden: `refund_limit_exceeded`, with `rule`, `limit`, `counted` and `currency`.
    """
    limits = [row for row in rules.rows if row.kind in LIMITS]
    for key in sorted({key for row in limits for key in _subjects(row, rules, to_iban)}):
        sql.done(sql.ONE_PERSON_AT_A_TIME, [key])
    passed = [found for row in limits if (found := _passed(row, rules, amount, currency, to_iban, now)) is not None]
    for row, exceeded in passed:
        if row.beyond == RefundRule.Beyond.REFUSE:
            raise _refusal(row, exceeded)
    return passed[0][1] if passed else None


def iban_hash(iban: str) -> str:
    """How an account is recognized without being kept: the same for every way of writing it."""
    return keyed_hash(f"iban:{compact(iban)}")


def named(rule: RefundRule) -> dict[str, str]:
    """The rule as a refusal names it."""
    return {"id": rule.id, "name": rule.name}


def _specific(row: RefundRule) -> tuple[bool, bool, bool]:
    return (row.person_id is not None, row.role != "", row.channel_id is not None)


def _subjects(row: RefundRule, rules: Rules, to_iban: Collection[str]) -> list[str]:
    """What is counted one after another for a limit."""
    if row.kind == Kind.PER_IBAN:
        return [f"{rules.merchant.id} {iban_hash(iban)}" for iban in to_iban]
    if row.kind == Kind.PER_CHANNEL:
        return [f"{rules.merchant.id} {rules.channel.id}"]
    return [f"{rules.merchant.id} {rules.actor}"] if row.kind == Kind.PER_PERSON else []


def _passed(
    row: RefundRule, rules: Rules, amount: int, currency: str, to_iban: dict[str, int], now: datetime
) -> tuple[RefundRule, Exceeded] | None:
    parts = _counted(row, rules, now)
    if row.kind == Kind.PER_IBAN:
        sums = [paid + _sum(parts.filter(iban_hash=iban_hash(iban))) for iban, paid in to_iban.items()]
    else:
        sums = [amount + (_sum(parts) if row.kind != Kind.PER_REFUND else 0)]
    highest, height = max(sums, default=0), row.amount or 0
    if not sums or (highest <= height and currency == rules.merchant.currency):
        return None
    return row, Exceeded(row.kind, height, highest, currency, rules.merchant.currency, rule=named(row))


def _counted(row: RefundRule, rules: Rules, now: datetime) -> QuerySet[RefundPart]:
    """What was given back in the span of a limit, in the merchant's currency."""
    since = now - WINDOW if row.kind == Kind.PER_IBAN else midnight(rules.merchant, now)
    parts = RefundPart.objects.filter(
        refund__merchant=rules.merchant,
        refund__currency=rules.merchant.currency,
        refund_id__gte=earliest("ref", since),  # finds them by an index
    ).exclude(status__in=_NEVER_LEAVES)
    if row.beyond == RefundRule.Beyond.SECOND_PERSON:
        parts = without_second_person(parts)
    if row.kind == Kind.PER_CHANNEL:
        return parts.filter(refund__channel=rules.channel)
    if row.kind == Kind.PER_PERSON:
        # Whom a till's key names as acting is the person; without a name the key is.
        who = Q(refund__requested_by=rules.actor)
        return parts.filter(who & Q(refund__operator=rules.operator) if rules.actor.startswith("key_") else who)
    return parts


def _sum(parts: QuerySet[RefundPart]) -> int:
    return parts.aggregate(total=Sum("amount"))["total"] or 0


def _refusal(row: RefundRule, exceeded: Exceeded) -> Forbidden:
    height = written(exceeded.height, exceeded.limit_currency)
    counted = written(exceeded.counted, exceeded.currency)
    return Forbidden(
        "refund_limit_exceeded",
        f"“{row.name}” allows {height}; with this it would be {counted}. Give back less, or ask who manages the rules.",
        rule=named(row),
        limit=exceeded.height,
        counted=exceeded.counted,
        currency=exceeded.currency,
    )
