"""Bank accounts that no provider pays out to: entered, so that their statements are imported."""

from typing import Annotated, Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from payments.api.idempotency import Answer
from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.references import named
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.core.input_types import Currency, text
from payments.core.inputs import Input
from payments.people.actors import Caller
from payments.services.idempotency import IdempotencyGuard
from reconciliation import payloads
from reconciliation.api.schemas import BANK_ACCOUNT
from reconciliation.models import BankAccount
from reconciliation.services.bank_accounts import change_bank_account, create_bank_account


def _of_caller(caller: Caller, account_id: str) -> BankAccount | None:
    rows = BankAccount.objects.select_related("merchant")
    return rows.filter(id=account_id, merchant_id=caller.merchant_id).first()


named(BankAccount, _of_caller, called="bank account", example="bnk_…")


class PlainBankAccountInput(Input):
    """An account at a bank."""

    iban: Annotated[str, text(42)]
    """IBAN of the account, with or without spaces."""
    name: Annotated[str, text(200)]
    """Name that your staff knows the account by."""
    currency: Currency
    """Currency in which the account is kept."""


class PlainBankAccountChangeInput(Input):
    """What changes of it."""

    iban: Annotated[str, text(42)] | None = None
    """IBAN of the account, with or without spaces."""
    name: Annotated[str, text(200)] | None = None
    """Name that your staff knows the account by."""
    currency: Currency | None = None
    """Currency in which the account is kept."""


class BankAccountView(ApiView):
    """What the addresses of bank accounts share. They are the merchant's: a key of one channel sees none."""

    scopes: ClassVar[dict[str, str]] = {
        "GET": "reconciliation:read",
        "POST": "reconciliation:write",
        "PATCH": "reconciliation:write",
    }

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.must_be_untied()

    def rows(self) -> QuerySet[BankAccount]:
        return self.own(BankAccount.objects.select_related("merchant"), channel=None)


class BankAccounts(BankAccountView):
    """All plain bank accounts of a merchant."""

    @described(
        "list_bank_accounts",
        "Bank accounts, newest first",
        {200: page_of(BANK_ACCOUNT)},
        query=Paging,
        tag="Reconciliation",
    )
    def get(self, request: Request) -> HttpResponse:
        """List the bank accounts whose statements are imported."""
        return self.page(self.rows(), payloads.bank_account, self.query(Paging))

    @described(
        "create_bank_account",
        "Enter a bank account, so that its statements are imported",
        {201: BANK_ACCOUNT},
        body=PlainBankAccountInput,
        refusals=[409],
        tag="Reconciliation",
    )
    def post(self, request: Request) -> HttpResponse:
        """Enter a bank account, so that its statements are imported."""
        return self.once(self._create, self._resume)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(PlainBankAccountInput).given()
        made = create_bank_account(merchant=self.merchant, actor=self.caller.actor, guard=guard, **given)
        return Answer(201, payloads.bank_account(made))

    def _resume(self, object_id: str) -> Answer:
        return Answer(201, payloads.bank_account(self.one(self.rows(), id=object_id)))


class OneBankAccount(BankAccountView):
    """One plain bank account."""

    @described("get_bank_account", "One bank account", {200: BANK_ACCOUNT}, refusals=[404], tag="Reconciliation")
    def get(self, request: Request, bank_account_id: str) -> HttpResponse:
        """Return one bank account."""
        self.no_query()
        return self.answer(payloads.bank_account(self.one(self.rows(), id=bank_account_id)))

    @described(
        "change_bank_account",
        "Change a bank account",
        {200: BANK_ACCOUNT},
        body=PlainBankAccountChangeInput,
        refusals=[404, 409],
        once=False,
        tag="Reconciliation",
    )
    def patch(self, request: Request, bank_account_id: str) -> HttpResponse:
        """Change the members that are sent and leave the others."""
        self.no_query()
        row = self.one(self.rows(), id=bank_account_id)
        changes = self.input(PlainBankAccountChangeInput).given()
        changed = change_bank_account(row, changes=changes, actor=self.caller.actor)
        return self.answer(payloads.bank_account(changed))
