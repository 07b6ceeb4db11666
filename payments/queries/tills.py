"""What is in tills by the books."""

from collections.abc import Sequence
from datetime import datetime

from payments.accounting.chart_of_accounts import account
from payments.ledger import balances
from payments.ledger.models import Account
from payments.models import Channel, Till, TillMovement


def till_balance(channel: Channel, currency: str) -> int:
    """What the till of a channel holds now, in minor units; below zero where more has left it than came in.

    Who decides to take cash out asks this with the till locked (`payments.services.till.lock_till`).
    """
    return balances.balance(channel.merchant_id, account("till", currency, channel.id))


def is_kept(channel: Channel, currency: str) -> bool:
    """Whether the books know the till: cash came into it, or somebody counted it.

    Of another nothing is known: nobody told what lay in it, and the store may keep it elsewhere.
    """
    if TillMovement.objects.filter(till__channel=channel, currency=currency).exists():
        return True
    return balances.ever_debited(channel.merchant_id, account("till", currency, channel.id))


def till_balance_at(channel: Channel, currency: str, moment: datetime) -> int:
    """What it held at a moment, by all that has been reported of the time until then."""
    return balances.balance_at(channel.merchant_id, account("till", currency, channel.id), moment)


def held(tills: Sequence[Till]) -> dict[str, dict[str, int]]:
    """What each till holds, by its id and currency, in two queries; a currency never used is left out."""
    by_code = {f"till:{till.channel_id}": till.id for till in tills}
    merchants = {till.merchant_id for till in tills}
    accounts = Account.objects.filter(merchant_id__in=merchants, code__in=by_code).order_by("currency")
    named = {row.number: (by_code[row.code], row.currency) for row in accounts}
    found: dict[str, dict[str, int]] = {till.id: {} for till in tills}
    for number, amount in sorted(balances.balances(list(named)).items()):
        till_id, currency = named[number]
        found[till_id][currency] = amount
    return found
