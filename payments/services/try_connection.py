"""Sign in to a provider with an account's credentials and move nothing: whether the contract works, in words."""

from payments import audit_log
from payments.models import ProviderAccount
from payments.providers import registry
from payments.providers.base import Result
from payments.services.submit import credentials_of


def can_be_tried(account: ProviderAccount) -> bool:
    """Whether there is anybody to connect to."""
    able = registry.provider(account.provider).capabilities
    return not able.instant and not able.reports_only


def try_connection(account: ProviderAccount, *, actor: str) -> Result:
    """Return what the provider answered; it stands in the audit log who tried, and what came of it."""
    result = registry.provider(account.provider).try_connection(credentials_of(account))
    audit_log.write(
        actor=actor,
        action="provider_account.tried",
        subject=account,
        merchant_id=account.merchant_id,
        after={"outcome": result.outcome.value, "code": result.code},
    )
    return result
