"""What is booked of a voucher as such: given away, sold, canceled, expired. What is paid with it is a payment."""

from datetime import datetime

from payments.accounting.chart_of_accounts import account
from payments.accounting.journal import entry_of, mirror
from payments.ledger.posting import Entry, credit, debit
from payments.models import Merchant, Voucher


def voucher_given(merchant: Merchant, voucher: Voucher, at: datetime) -> Entry:
    """A voucher given away: the shop's own promotion."""
    return entry_of(
        merchant,
        f"voucher_given:{voucher.id}",
        "voucher_given",
        at,
        [
            debit(account("promotions", voucher.currency), voucher.amount),
            credit(account("vouchers", voucher.currency), voucher.amount, voucher.item),
        ],
    )


def voucher_sold(merchant: Merchant, voucher: Voucher, channel_id: str, at: datetime) -> Entry:
    """A voucher sold on an order: what the customer paid is no sale of goods, but a debt to the holder of the code."""
    return entry_of(
        merchant,
        f"voucher_sold:{voucher.id}",
        "voucher_sold",
        at,
        [
            debit(account("takings", voucher.currency, channel_id), voucher.amount),
            credit(account("vouchers", voucher.currency), voucher.amount, voucher.item),
        ],
    )


def voucher_expired(merchant: Merchant, voucher: Voucher, at: datetime) -> Entry:
    """Nobody came for it."""
    return entry_of(
        merchant,
        f"voucher_expired:{voucher.id}",
        "voucher_expired",
        at,
        [
            debit(account("vouchers", voucher.currency), voucher.balance, voucher.item),
            credit(account("breakage", voucher.currency), voucher.balance),
        ],
    )


def voucher_canceled(merchant: Merchant, voucher: Voucher, channel_id: str | None, at: datetime) -> Entry:
    """Taken back before anybody used it: the journal reversal of its sale in that channel, or of the gift."""
    made = (
        voucher_sold(merchant, voucher, channel_id, at)
        if channel_id is not None
        else voucher_given(merchant, voucher, at)
    )
    return mirror(merchant, made, f"voucher_canceled:{voucher.id}", "voucher_canceled", at)
