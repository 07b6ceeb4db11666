"""Vouchers: given away, sold, made for a refund, spent, filled again and expired. Their row guards their balance."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Final

from django.db import transaction
from django.utils import timezone

from payments.accounting import voucher_entries
from payments.core.crypto import keyed_hash
from payments.core.errors import Invalid, NotFound, wrong
from payments.core.ids import new_id
from payments.core.money import Money
from payments.ledger.posting import Entry
from payments.models import Channel, Merchant, Order, Payment, Voucher
from payments.runtime.sweeps import Sweep
from payments.services.idempotency import IdempotencyGuard
from payments.services.unit_of_work import UnitOfWork
from payments.text.formatting import amount as written

# Read aloud and typed at a till: nothing that looks like something else, and no vowels that make words.
LETTERS: Final = "BCDFGHJKMNPQRTVWXY"
ALPHABET: Final = LETTERS + "2346789"
GROUPS: Final = 4
GROUP: Final = 4
SHORTEST: Final = GROUPS * GROUP  # characters of a code without check characters, as they were made before
CHECKED: Final = SHORTEST + 2
_PRIME: Final = 619  # the largest below 25 * 25: two characters hold what is left by it

MISTYPED: Final = "This code has a character that is wrong. Read it again."

Status = Voucher.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherRequest:
    """The voucher to create: with an order it is sold there, without one it is given away."""

    merchant: Merchant
    amount: Money
    channel: Channel | None = None
    order: Order | None = None
    purpose: str = Voucher.Purpose.MULTI
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewVoucher:
    """A voucher with its code, shown this once: only a keyed hash of it is stored."""

    voucher: Voucher
    code: str


def create_voucher(request: VoucherRequest, *, actor: str, guard: IdempotencyGuard | None = None) -> NewVoucher:
    """Make a voucher.

    Raises:
        Invalid: `expires_at` is past; `order_currency_differs`; or less than `amount` was paid on the order.
    """
    if request.expires_at is not None and request.expires_at <= timezone.now():
        raise wrong("expires_at", "out_of_range", "A voucher cannot have expired already.")
    voucher_id = new_id("vch")
    with transaction.atomic():
        if guard is not None:
            guard.begin(voucher_id)
        uow = UnitOfWork(merchant=request.merchant, actor=actor, now=timezone.now())
        made = issue(
            uow,
            voucher_id=voucher_id,
            amount=request.amount,
            channel=request.channel,
            purpose=request.purpose,
            expires_at=request.expires_at,
        )
        uow.book(_made(uow, made.voucher, request.order))
        uow.flush()
    return made


def issue(
    uow: UnitOfWork,
    *,
    amount: Money,
    channel: Channel | None,
    voucher_id: str | None = None,
    purpose: str = Voucher.Purpose.MULTI,
    expires_at: datetime | None = None,
) -> NewVoucher:
    """Add a voucher to the unit of work; booking what it is worth is the caller's."""
    code = new_code()
    row = Voucher(
        id=voucher_id or new_id("vch"),
        merchant=uow.merchant,
        channel=channel,
        item=uow.next_open_item(),
        code_hash=_hash(code),
        code_end=code[-GROUP:],
        amount=amount.amount,
        balance=amount.amount,
        currency=amount.currency,
        purpose=purpose,
        expires_at=expires_at,
        created_at=uow.now,
    )
    return NewVoucher(uow.add(row), code)


def spend(uow: UnitOfWork, *, code: str, amount: Money) -> Voucher:
    """Take `amount` from a voucher's balance, under the lock of its row: called last, after the orders are locked.

    Raises:
        Invalid: no such voucher, expired, in another currency, or `voucher_insufficient` with its balance.
    """
    if is_mistyped(code):
        raise wrong("voucher_code", "voucher_code_mistyped", MISTYPED)
    row = Voucher.objects.select_for_update().filter(merchant=uow.merchant, code_hash=_hash(code)).first()
    if row is None:
        raise wrong("voucher_code", "not_found", "There is no such voucher. Check the code.")
    if row.currency != amount.currency:
        raise Invalid(
            "voucher_currency_differs", f"This voucher is worth {row.currency}; pay in that.", param="voucher_code"
        )
    if row.status == Status.EXPIRED or _is_over(row, uow.now):
        raise Invalid("voucher_expired", "This voucher has expired; pay in another way.", param="voucher_code")
    if row.balance < amount.amount:
        raise Invalid(
            "voucher_insufficient",
            f"{written(row.balance, row.currency)} is left on this voucher; "
            "use that much of it and pay the rest in another way.",
            param="amount",
            balance=row.balance,
            currency=row.currency,
        )
    take(uow, row, amount.amount)
    return row


def take(uow: UnitOfWork, row: Voucher, amount: int) -> None:
    """Lower the balance of a voucher that the unit of work holds."""
    left = row.balance - amount
    uow.change(row, balance=left, status=Status.ACTIVE if left else Status.SPENT)


def hold(payments: Iterable[Payment]) -> None:
    """Lock the vouchers that these payments were made with, in id order, so that they may be filled again."""
    paid = [payment for payment in payments if payment.voucher_id is not None]
    if not paid:
        return
    ids = {payment.voucher_id for payment in paid}
    held = {row.id: row for row in Voucher.objects.select_for_update().filter(id__in=ids).order_by("id")}
    for payment in paid:
        payment.voucher = held[payment.voucher_id or ""]


def restore(uow: UnitOfWork, row: Voucher, amount: int) -> None:
    """Put back on a held voucher what was paid with it."""
    uow.change(row, balance=row.balance + amount, status=Status.ACTIVE)


def find(*, merchant: Merchant, code: str) -> Voucher:
    """The voucher of this code.

    Raises:
        NotFound: this merchant has none.
    """
    row = Voucher.objects.select_related("merchant").filter(merchant=merchant, code_hash=_hash(code)).first()
    if row is None:
        raise NotFound(MISTYPED if is_mistyped(code) else "There is no such voucher. Check the code.")
    return row


def is_usable(row: Voucher, now: datetime) -> bool:
    """Tell whether it may be spent, or filled again."""
    return row.status in (Status.ACTIVE, Status.SPENT) and not _is_over(row, now)


def expire(*, limit: int = 500) -> int:
    """Book what nobody came for, and return how many vouchers that were; the rest waits for the next call."""
    now = timezone.now()
    sweep = Sweep("payments.expire_voucher")
    due = Voucher.objects.filter(status=Status.ACTIVE, expires_at__lte=now).exclude(id__in=sweep.resting)
    found = list(due.order_by("merchant_id", "id").values_list("merchant_id", "id")[:limit])
    for merchant_id, rows in groupby(found, key=itemgetter(0)):
        ids = [voucher_id for _, voucher_id in rows]
        sweep.together(ids, partial(_expire, now=now), subject=str, merchant_id=merchant_id)
    return len(found)


def new_code() -> str:
    """Sixteen readable characters and two that check them: 74 bits of chance, and no number that could be a card's."""
    text = secrets.choice(LETTERS) + "".join(secrets.choice(ALPHABET) for _ in range(SHORTEST - 1))
    return "-".join(text[start : start + GROUP] for start in range(0, len(text), GROUP)) + check_characters(text)


def check_characters(text: str) -> str:
    """The two that end a code: they tell each single wrong character, and each two that changed places."""
    number = 0
    for character in text:
        number = (number * len(ALPHABET) + ALPHABET.index(character)) % _PRIME
    return "".join(ALPHABET[digit] for digit in divmod(number, len(ALPHABET)))


def is_mistyped(code: str) -> bool:
    """Tell whether a code of the usual length has a wrong character. Codes made before are shorter, and unchecked."""
    text = _plain(code)
    if len(text) != CHECKED:
        return False
    return not set(text) <= set(ALPHABET) or check_characters(text[:SHORTEST]) != text[SHORTEST:]


def _expire(ids: Sequence[str], *, now: datetime) -> None:
    """Expire vouchers of one merchant; one that is being spent just now is left to the next call."""
    due = Voucher.objects.filter(id__in=ids, status=Status.ACTIVE, expires_at__lte=now).order_by("id")
    rows = list(due.select_for_update(of=("self",), skip_locked=True).select_related("merchant"))
    if not rows:
        return
    merchant = rows[0].merchant
    uow = UnitOfWork(merchant=merchant, actor="system:expire", now=now)
    for row in rows:
        uow.book(voucher_entries.voucher_expired(merchant, row, row.expires_at or now))
        uow.change(row, balance=0, status=Status.EXPIRED)
    uow.flush()


def _made(uow: UnitOfWork, row: Voucher, order: Order | None) -> Entry:
    """The entry of a new voucher: a gift of the shop, or sold on an order that has been paid for it."""
    if order is None:
        return voucher_entries.voucher_given(uow.merchant, row, uow.now)
    uow.lock([order.id])
    locked = uow.orders[order.id]
    if locked.currency != row.currency:
        raise Invalid("order_currency_differs", f"This order is in {locked.currency}.", param="currency")
    left = locked.refundable
    if row.amount > left:
        raise Invalid(
            "amount_exceeds_paid",
            f"{written(left, row.currency)} has been paid on this order and not yet turned into a voucher; "
            "take the payment first.",
            param="amount",
            amount_paid=left,
        )
    row.order = locked
    uow.change(locked, vouchers_sold=locked.vouchers_sold + row.amount)
    return voucher_entries.voucher_sold(uow.merchant, row, locked.channel_id, uow.now)


def _is_over(row: Voucher, now: datetime) -> bool:
    return row.expires_at is not None and row.expires_at <= now


def _hash(code: str) -> str:
    """The same for every way of writing a code."""
    return keyed_hash("voucher:" + _plain(code))


def _plain(code: str) -> str:
    return "".join(character for character in code.upper() if character.isalnum())
