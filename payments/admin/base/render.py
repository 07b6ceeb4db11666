"""How things look on a page: amounts in major units, moments in the merchant's zone, statuses in colors."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from payments.accounting.labels import EVENTS
from payments.admin.base.links import link
from payments.models import Chargeback, Payment, PaymentLink, ProviderEvent, TransferBatch, Voucher
from payments.models.payment import PaymentStatus
from payments.models.refund import PartStatus, RefundStatus
from payments.people.models import ApiKey, User
from payments.providers.base import Outcome, Verb
from payments.text import formatting
from payments.text.formatting import NOTHING, amount, day, short, title, whole

__all__ = ["NOTHING", "amount", "day", "link", "short"]  # and all that is defined here

STATUSES: Final[dict[str, Any]] = {
    value: label
    for choices in (
        PaymentLink.Status,
        PartStatus,
        RefundStatus,
        PaymentStatus,
        Chargeback.Stage,
        Chargeback.Status,
        Voucher.Status,
        TransferBatch.Status,
        ProviderEvent.Status,
    )
    for value, label in choices.choices
}
COLORS: Final[dict[str, str]] = {
    **dict.fromkeys(
        ["captured", "succeeded", "won", "applied", "active", "paid", "resolved", "enabled", "released"], "success"
    ),
    **dict.fromkeys(["authorized", "processing", "queued", "pending", "inquiry", "waiting"], "info"),
    **dict.fromkeys(["requires_action", "requires_approval", "proposed", "open"], "warning"),
    **dict.fromkeys(["pre_arbitration", "arbitration"], "warning"),
    **dict.fromkeys(["declined", "failed", "unknown", "reversed", "lost", "unreadable"], "danger"),
}
VERBS: Final[dict[str, Any]] = {
    Verb.AUTHORIZE: _("authorize"),
    Verb.CAPTURE: _("capture"),
    Verb.CANCEL: _("cancel"),
    Verb.REFUND: pgettext_lazy("verb", "refund"),
    Verb.SALE: _("sale"),
}
OUTCOMES: Final[dict[str, tuple[Any, str]]] = {
    Outcome.SUCCEEDED: (_("succeeded"), "success"),
    Outcome.DECLINED: (_("declined"), "danger"),
    Outcome.PENDING: (_("pending"), "info"),
    Outcome.UNKNOWN: (_("outcome unknown"), "danger"),
    Outcome.NOT_SENT: (_("not sent"), ""),
}
BRANDS: Final[Mapping[str, str]] = {"vpay": "V PAY", "jcb": "JCB", "unionpay": "UnionPay", "cartesbancaires": "CB"}


class MoneyCell(SafeString):
    """An amount as a page shows it, which a file writes as a number."""

    minor: int | None
    currency: str

    def __new__(cls, text: str, *, minor: int | None, currency: str) -> Self:
        cell = super().__new__(cls, text)
        cell.minor, cell.currency = minor, currency
        return cell


class MomentCell(str):  # noqa: SLOT000 (it has an attribute)
    """A moment as a page shows it, which a file writes in full."""

    at: datetime | None

    def __new__(cls, text: str, *, at: datetime | None) -> Self:
        cell = super().__new__(cls, text)
        cell.at = at
        return cell


def moment(at: datetime | None, zone: ZoneInfo) -> MomentCell:
    """A moment as the merchant's clocks show it, to the second."""
    return MomentCell(formatting.moment(at, zone, seconds=True), at=at and at.astimezone(zone))


def short_moment(at: datetime, zone: ZoneInfo) -> MomentCell:
    """The same for a list: this year's without the year."""
    return MomentCell(formatting.short_moment(at, zone, seconds=True), at=at.astimezone(zone))


def money(minor: int | None, currency: str) -> SafeString:
    """An amount for a column: set at its end, in figures of one width; nothing is dimmed."""
    shown = format_html('<span class="ot-amount{}">{}</span>', "" if minor else " ot-nothing", amount(minor, currency))
    return MoneyCell(shown, minor=minor, currency=currency)


def linked_money(object_id: str, minor: int, currency: str) -> SafeString:
    """The same, leading to what is worth that much."""
    return format_html('<span class="ot-amount">{}</span>', link(object_id, amount(minor, currency)))


def count(number: int) -> SafeString:
    """A number for a column, in groups of three."""
    return format_html('<span class="ot-amount">{}</span>', whole(number))


def event(name: str) -> str:
    """A journal entry's event in the reader's language; one without a translation keeps its own name."""
    return str(EVENTS.get(name, name))


def label(text: Any, color: str = "") -> SafeString:
    """A text on a colored background."""
    return format_html('<span class="ot-label" data-color="{}">{}</span>', color, text)


def quiet(text: str) -> SafeString:
    """What nobody reads but may copy: an id, a key, an address for machines."""
    return format_html('<span class="ot-quiet">{}</span>', text)


def status(value: str) -> SafeString:
    """A status in the reader's language, in the color of how it stands."""
    return label(STATUSES.get(value, value), COLORS.get(value, ""))


def outcome(value: str | None) -> SafeString:
    """An operation's outcome; none is still under way."""
    text, color = OUTCOMES[value] if value is not None else (gettext("not requested yet"), "")
    return label(text, color)


def method(payment: Payment) -> str:
    """How it was paid: `Maestro •4242`, `iDEAL`, `Card` where its scheme is not known."""
    name = brand(payment.card_brand) if payment.card_brand else ""
    name = name or title(str(payment.get_method_display() or gettext("not chosen yet")))
    return f"{name} •{payment.card_last4}" if payment.card_last4 else name


def brand(code: str) -> str:
    """A card scheme as it writes itself."""
    return BRANDS.get(code.lower().replace("_", "").replace(" ", ""), code.replace("_", " ").title())


def age(span: timedelta) -> str:
    """How long something has been going on, in one figure."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = seconds // 60
    if minutes < 120:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = minutes // 60
    if hours < 48:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    return ngettext("%(count)d day", "%(count)d days", hours // 24) % {"count": hours // 24}


def people(actors: Iterable[str]) -> dict[str, str]:
    """What to call those who acted: persons by their name, keys by their label, the rest as they are."""
    wanted = set(actors)
    users = {actor for actor in wanted if actor.startswith("usr_")}
    keys = {actor for actor in wanted if actor.startswith("key_")}
    called: dict[str, str] = {actor: link(actor) for actor in wanted}
    for user in User.objects.filter(id__in=users) if users else ():
        called[user.id] = user.get_full_name() or user.get_username()
    for key in ApiKey.objects.filter(id__in=keys) if keys else ():
        called[key.id] = gettext("key “%(label)s”") % {"label": key.label or f"…{key.last_characters}"}
    return called
