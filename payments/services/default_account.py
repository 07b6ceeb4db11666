"""Which provider account is used where a request names none."""

from typing import Final

from django.db.models import QuerySet

from payments.core.errors import Invalid
from payments.db.compiled_queries import CompiledQuery
from payments.models import Merchant, ProviderAccount
from payments.providers import registry

_ACCOUNTS: Final = CompiledQuery(
    lambda merchant_id: ProviderAccount.objects.filter(merchant_id=merchant_id, active=True).order_by("-default", "id")
)


def default_account(merchant: Merchant, method: str | None, currency: str) -> ProviderAccount:
    """The account used when none is named: for cash and vouchers the recording one, else one that takes the method.

    Raises:
        Invalid: the merchant has no account for this method in this currency.
    """
    for account in _ACCOUNTS(merchant.id):
        if registry.provider(account.provider).capabilities.takes_unasked(method, currency):
            account.merchant = merchant
            return account
    raise Invalid(
        "method_not_supported",
        f"No provider account of this merchant takes {method or 'payments'} in {currency}. "
        "Add one with POST /v1/provider_accounts.",
        param="method",
    )


def reporting_accounts(merchant: Merchant) -> QuerySet[ProviderAccount]:
    """The accounts of acquirers that only report: what a terminal takes is theirs, if it has no other contract."""
    reporting = [code for code, one in registry.providers().items() if one.capabilities.reports_only]
    return ProviderAccount.objects.filter(merchant=merchant, provider__in=reporting).order_by("-default", "id")
