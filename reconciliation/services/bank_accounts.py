"""Enter and change the merchant's plain bank accounts, so that their statements are imported without a provider."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction

from payments import audit_log
from payments.core.errors import Conflict
from payments.models import Merchant
from payments.people.permissions import May
from payments.people.services import authority
from payments.services.idempotency import IdempotencyGuard
from payments.services.setup_faults import checked
from reconciliation.models import BankAccount, BankStatement


def create_bank_account(
    *,
    merchant: Merchant,
    iban: str,
    name: str,
    currency: str,
    actor: str,
    guard: IdempotencyGuard | None = None,
) -> BankAccount:
    """Enter an account at a bank.

    Raises:
        ValidationFailed: no valid IBAN, or a name that is none.
        Conflict: `bank_account_exists`.
        Forbidden: `permission_missing`.
    """
    _check(merchant.id, actor, "bank_account.created")
    given = checked({"iban": iban, "name": name})
    account = BankAccount(merchant=merchant, iban=given["iban"], name=given["name"], currency=currency)
    with _known_once(), transaction.atomic():
        if guard is not None:
            guard.begin(account.id)
        account.save(force_insert=True)
        audit_log.write(actor=actor, action="bank_account.created", subject=account, merchant_id=merchant.id)
    return account


def change_bank_account(account: BankAccount, *, changes: Mapping[str, Any], actor: str) -> BankAccount:
    """Rename an account, or correct its IBAN or currency as long as nothing was imported under it.

    Raises:
        ValidationFailed: no valid IBAN, or a name that is none.
        Conflict: `bank_account_exists`, `bank_account_in_use`.
        Forbidden: `permission_missing`.
    """
    _check(account.merchant_id, actor, "bank_account.changed")
    given = checked(changes)
    changed = {name: value for name, value in given.items() if getattr(account, name) != value}
    with _known_once(), transaction.atomic():
        account.refresh_from_db(from_queryset=BankAccount.objects.select_for_update())
        if changed.keys() & {"iban", "currency"} and _has_statements(account):
            detail = "Statements of this account were imported: its IBAN and currency stay. Enter another account."
            raise Conflict("bank_account_in_use", detail)
        before = {name: getattr(account, name) for name in changed}
        for name, value in changed.items():
            setattr(account, name, value)
        account.save(update_fields=list(changed))
        if changed:
            audit_log.write(
                actor=actor,
                action="bank_account.changed",
                subject=account,
                merchant_id=account.merchant_id,
                before=before,
                after=changed,
            )
    return account


def _check(merchant_id: str, actor: str, action: str) -> None:
    authority.require_of_person(actor=actor, what=May.RESOLVE, merchant_id=merchant_id, channel_id=None, action=action)


def _has_statements(account: BankAccount) -> bool:
    return BankStatement.objects.filter(merchant_id=account.merchant_id, account=account.iban).exists()


@contextmanager
def _known_once() -> Iterator[None]:
    """Turn the database's refusal of a second row into ours."""
    try:
        yield
    except IntegrityError as error:
        if "bank_account_once" not in str(error):
            raise
        raise Conflict("bank_account_exists", "This account is entered already. Change that one.") from None
