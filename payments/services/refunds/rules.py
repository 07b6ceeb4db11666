"""What a merchant's rules allow of a refund: rights with its plan, limits under the lock; each denial names its rule.

Of rights the most specific count: those of a person before those of a role, these before those of a channel, these
before everybody's. Of limits all count that bind the requester. A new merchant has no rules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet, Sum

from payments.core.crypto import keyed_hash
from payments.core.errors import Forbidden
from payments.core.iban import compact
from payments.core.ids import earliest
from payments.models import Channel, Merchant, Payment, RefundPart, RefundRule
from payments.models.refund import PartStatus, Route
from payments.models.refund_rule import LIMITS, RIGHTS
from payments.people.actors import Actor, name_of
from payments.people.models import Role
from payments.services import sql
from payments.services.limits import Exceeded, midnight, without_second_person
from payments.text.formatting import amount as written

Kind = RefundRule.Kind
WINDOW: Final = timedelta(days=35)  # in which what one account gets is added up
_NEVER_LEAVES: Final = (PartStatus.FAILED, PartStatus.CANCELED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """What is to be given back: all of it, and what of it goes to which account and at which terminal, by its id."""

    amount: int
    currency: str
    to_iban: Mapping[str, int] = field(default_factory=dict)
    at_terminal: Mapping[str, int] = field(default_factory=dict)


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


def check_limits(rules: Rules, giving: Giving, *, now: datetime) -> Exceeded | None:
    """Hold a refund against every limit, under locks that keep others from passing the same one at the same time.

    An amount in another currency than the merchant's cannot be held against a limit, and passes it. Return the limit
    for which a second person is needed, None where nobody is.

    Raises:
        Forbidden: `refund_limit_exceeded`, with `rule`, `limit`, `counted` and `currency`.
    """
    limits = [row for row in rules.rows if row.kind in LIMITS]
    for key in sorted({key for row in limits for key in _subjects(row, rules, giving)}):
        sql.done(sql.ONE_PERSON_AT_A_TIME, [key])
    passed = [found for row in limits if (found := _passed(row, rules, giving, now)) is not None]
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


def _subjects(row: RefundRule, rules: Rules, giving: Giving) -> list[str]:
    """What is counted one after another for a limit."""
    names = {
        Kind.PER_IBAN: [iban_hash(iban) for iban in giving.to_iban],
        Kind.PER_CHANNEL: [rules.channel.id],
        Kind.PER_PERSON: [rules.actor],
        Kind.PER_TERMINAL: list(giving.at_terminal),
        Kind.PER_OPERATOR: [f"{rules.channel.id} {name}" for name in _operators(rules)] if giving.at_terminal else [],
    }
    return [f"{rules.merchant.id} {name}" for name in names.get(Kind(row.kind), [])]


def _passed(row: RefundRule, rules: Rules, giving: Giving, now: datetime) -> tuple[RefundRule, Exceeded] | None:
    sums, height = _sums(row, rules, giving, _counted(row, rules, now)), row.amount or 0
    highest = max(sums, default=0)
    if not sums or (highest <= height and giving.currency == rules.merchant.currency):
        return None
    return row, Exceeded(row.kind, height, highest, giving.currency, rules.merchant.currency, rule=named(row))


def _sums(row: RefundRule, rules: Rules, giving: Giving, parts: QuerySet[RefundPart]) -> list[int]:
    """What each subject of a limit would come to; none where the limit is not about this refund."""
    if row.kind == Kind.PER_IBAN:
        return [paid + _sum(parts.filter(iban_hash=iban_hash(iban))) for iban, paid in giving.to_iban.items()]
    if row.kind == Kind.PER_TERMINAL:
        return [paid + _sum(parts.filter(terminal_id=terminal)) for terminal, paid in giving.at_terminal.items()]
    if row.kind == Kind.PER_OPERATOR:
        return [sum(giving.at_terminal.values()) + _sum(parts)] if giving.at_terminal else []
    return [giving.amount + (_sum(parts) if row.kind != Kind.PER_REFUND else 0)]


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
    # What a device gave back by itself counts, too: it says at which terminal, and who stood there.
    if row.kind == Kind.PER_TERMINAL:
        return parts.filter(route=Route.TERMINAL)
    if row.kind == Kind.PER_OPERATOR:
        return parts.filter(_by_operator(rules), route=Route.TERMINAL, refund__channel=rules.channel)
    return parts


def _operators(rules: Rules) -> list[str]:
    """Who stands at the terminal: by the name that was given, at whatever till or page, and by a person's own id."""
    person = rules.actor if rules.actor.startswith("usr_") or not rules.operator else ""
    return [name for name in (rules.operator.casefold(), person) if name]


def _by_operator(rules: Rules) -> Q:
    named_so = Q(refund__operator__iexact=rules.operator) if rules.operator else Q()
    return named_so | Q(refund__requested_by__in=_operators(rules))


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
