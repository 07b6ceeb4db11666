"""Which transfers a batch can hold, and from which of the merchant's accounts."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from payments.core.iban import in_sepa
from payments.models import Merchant, RefundPart
from payments.models.refund import PartStatus, Route
from payments.services.transfer import LONGEST_NAME, account_of, plain

CURRENCY: Final = "EUR"  # the only one of SEPA
AT_MOST: Final = 500  # transfers of one batch; what waits beyond them makes the next one


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A transfer that no batch can hold, with a code and what to do."""

    part: RefundPart
    code: str
    detail: str


def debtor_accounts(merchant: Merchant) -> list[str]:
    """The IBANs of the merchant's own accounts in euros, its main one first."""
    # Named in the settings, since bank accounts without a provider belong to a higher floor (`reconciliation`).
    own: Callable[[Merchant, str], Collection[str]] = import_string(settings.OWN_BANK_ACCOUNTS)
    main = merchant.iban.replace(" ", "").upper()
    return sorted(own(merchant, CURRENCY), key=lambda iban: (iban != main, iban))


def waiting(merchant: Merchant) -> QuerySet[RefundPart]:
    """The merchant's transfers that nobody released and no batch holds, the oldest first."""
    rows = RefundPart.objects.filter(
        refund__merchant=merchant, route=Route.BANK, status=PartStatus.PENDING, batch__isnull=True
    )
    related = rows.select_related("refund__merchant", "refund__order", "refund__channel")
    return related.prefetch_related("operations").order_by("id")


def sorted_out(merchant: Merchant) -> tuple[list[RefundPart], list[LeftOut]]:
    """What the next batch can hold, and what waits and no batch can hold."""
    fitting: list[RefundPart] = []
    left_out: list[LeftOut] = []
    for part in waiting(merchant):
        found = obstacle(part)
        if found is not None:
            left_out.append(LeftOut(part, *found))
        elif len(fitting) < AT_MOST:
            fitting.append(part)
    return fitting, left_out


def obstacle(part: RefundPart) -> tuple[str, str] | None:
    """Why no batch can hold this transfer: a code, and what to do; None where one can."""
    account = account_of(part)
    if part.refund.currency != CURRENCY:
        return ("transfer_not_in_euros", "A batch is in euros. Transfer this one in the bank's own program.")
    if not account.iban:
        return ("bank_account_forgotten", "The account was erased. Cancel the refund and ask the customer again.")
    if not in_sepa(account.iban):
        return ("transfer_outside_sepa", "The account is outside of SEPA. Transfer it in the bank's own program.")
    if not plain(account.name, LONGEST_NAME):
        return ("name_not_for_banks", "The holder's name has no letter that SEPA knows. Transfer it by hand.")
    return None
