"""Provider accounts: contracts with payment providers, and the methods that they offer."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request

from payments import payloads
from payments.api.approvals import REQUIRES_APPROVAL, accepted, waiting
from payments.api.idempotency import Answer
from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import (
    ADDRESS,
    ANY_OBJECT,
    CURRENCY,
    FLAG,
    INSTANT,
    TEXT,
    WHOLE,
    define,
    identifier,
    many,
    maybe,
    page_of,
    record,
    word,
)
from payments.api.views import ApiView
from payments.core.fee_rates import LONGEST_WORD, MOST, NUMBERS
from payments.core.input_faults import FAULT
from payments.core.input_types import Currency, text, whole_number
from payments.core.inputs import Input
from payments.models import ProviderAccount
from payments.models.merchant import MOST_PAYOUT_DAYS
from payments.people.models import Approval
from payments.queries import account_status
from payments.queries.account_status import AccountStatus
from payments.services import update_setup
from payments.services.idempotency import IdempotencyGuard
from payments.services.setting_approvals import request_provider_account
from payments.services.submit import webhook_url

ACCOUNT_STATUS = record(
    ok=FLAG, last_webhook_at=maybe(INSTANT), last_settlement_at=maybe(INSTANT), last_error=maybe(TEXT)
)
PROVIDER_ACCOUNT = define(
    "ProviderAccount",
    record(
        id=identifier("pac"),
        object=word("provider_account"),
        provider=TEXT,
        name=TEXT,
        currency=CURRENCY,
        external_id=maybe(TEXT),
        bank_iban=maybe(TEXT),
        fee_rates=many(ANY_OBJECT),
        payout_days=maybe(WHOLE),
        webhook_url=ADDRESS,
        default=FLAG,
        active=FLAG,
        status=ACCOUNT_STATUS,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)


Secrets = Annotated[
    dict[str, Annotated[str, Meta(max_length=4000)]],
    Meta(max_length=20, extra={FAULT: ("invalid_type", "Send an object of at most 20 strings.")}),
]


_Word = Annotated[str, Meta(min_length=1, max_length=LONGEST_WORD)]
_Fixed = Annotated[int, Meta(ge=-NUMBERS["fixed"], le=NUMBERS["fixed"])]
_BasisPoints = Annotated[int, Meta(ge=-NUMBERS["basis_points"], le=NUMBERS["basis_points"])]


class FeeRateInput(Input):
    """What a provider takes, per method or brand, as reconciliation reads it."""

    method: _Word | None = None
    """Payment method that the rate is for; all methods when left out."""
    brand: _Word | None = None
    """Card brand that the rate is for, as `visa`; all brands when left out."""
    type: _Word | None = None
    """Kind of transaction that is charged, as `refund`; `sale` when left out."""
    fixed: _Fixed | None = None
    """Fixed part per transaction, in minor units; 0 when left out."""
    basis_points: _BasisPoints | None = None
    """Proportional part, in hundredths of a percent: 140 is 1.4 %."""


FeeRates = Annotated[list[FeeRateInput], Meta(max_length=MOST)]


class ProviderAccountInput(Input):
    """A contract with a provider."""

    provider: Annotated[str, text(40)]
    """Provider by its name in `GET /v1/providers`, as `stripe`."""
    name: Annotated[str, text(200)]
    """Name that your staff knows the contract by."""
    currency: Currency
    """Currency that the provider settles in; it cannot be changed later."""
    external_id: Annotated[str, text(100)] | None = None
    """Number of the account or merchant id (MID) at the provider, as its settlements name it."""
    bank_iban: Annotated[str, text(42)] | None = None
    """IBAN of the account that the provider pays out to."""
    credentials: Secrets | None = None
    """Credentials by their names in `GET /v1/providers`; they are never shown again."""
    fee_rates: FeeRates | None = None
    """Rates of the contract, with which settled fees are compared."""


class ProviderAccountChangeInput(Input):
    """What changes of a contract; credentials are set beside those that stand."""

    name: Annotated[str, text(200)] | None = None
    """Name that your staff knows the contract by."""
    external_id: Annotated[str, text(100)] | None = None
    """Number of the account or merchant id (MID) at the provider, as its settlements name it."""
    bank_iban: Annotated[str, text(42)] | None = None
    """IBAN of the account that the provider pays out to."""
    credentials: Secrets | None = None
    """Credentials by their names in `GET /v1/providers`; those that are left out stay as they are."""
    fee_rates: FeeRates | None = None
    """Rates of the contract, with which settled fees are compared; replaces all of them."""
    payout_days: Annotated[int, whole_number(0, MOST_PAYOUT_DAYS)] | UnsetType | None = UNSET
    """Bank days from a settlement to its payout; null where it is not known."""
    default: bool | None = None
    """Whether new payments of this currency use the account when none is named."""
    active: bool | None = None
    """False takes the account out of use; payments made with it can still be refunded."""


class AccountView(ApiView):
    """What the addresses of provider accounts share. They are the merchant's: a key of one channel changes none."""

    scopes: ClassVar[dict[str, str]] = {"GET": "accounts:read", "POST": "accounts:write", "PATCH": "accounts:write"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.must_be_untied()

    def rows(self) -> QuerySet[ProviderAccount]:
        return self.own(ProviderAccount.objects.select_related("merchant"), channel=None)


class ProviderAccounts(AccountView):
    """All provider accounts of a merchant."""

    @described(
        "list_provider_accounts",
        "Provider accounts, newest first",
        {200: page_of(PROVIDER_ACCOUNT)},
        query=Paging,
        tag="Provider accounts",
    )
    def get(self, request: Request) -> HttpResponse:
        """List your contracts with payment providers, never their credentials."""
        return self.page_of(self.rows(), _accounts, self.query(Paging))

    @described(
        "create_provider_account",
        "Add a provider account",
        {201: PROVIDER_ACCOUNT, 202: REQUIRES_APPROVAL},
        body=ProviderAccountInput,
        tag="Provider accounts",
    )
    def post(self, request: Request) -> HttpResponse:
        """Add a contract with a provider, whose settings and credentials `GET /v1/providers` names. A live
        merchant's waits for a second person: 202 with the approval.
        """
        return self.once(self._create, self._resume)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(ProviderAccountInput)
        made = request_provider_account(merchant=self.merchant, actor=self.caller, guard=guard, **_fields(given))
        return accepted(made) if isinstance(made, Approval) else Answer(201, _accounts([made])[0])

    def _resume(self, object_id: str) -> Answer:
        """Answer a repeated request: an account that waits for approval has its id already."""
        waiting = Approval.objects.filter(subject_id=object_id, action=Approval.Action.ADD_PROVIDER_ACCOUNT).first()
        if waiting is not None:
            return accepted(waiting)
        return Answer(201, _accounts([self.one(self.rows(), id=object_id)])[0])


class OneProviderAccount(AccountView):
    """One provider account."""

    @described(
        "get_provider_account",
        "One provider account",
        {200: PROVIDER_ACCOUNT},
        refusals=[404],
        tag="Provider accounts",
    )
    def get(self, request: Request, provider_account_id: str) -> HttpResponse:
        """Return one contract with a provider, and `status`: when it was last heard of and its last error."""
        self.no_query()
        return self.answer(_accounts([self.one(self.rows(), id=provider_account_id)])[0])

    @described(
        "change_provider_account",
        "Change a provider account",
        {200: PROVIDER_ACCOUNT, 202: REQUIRES_APPROVAL},
        body=ProviderAccountChangeInput,
        refusals=[404, 409],
        once=False,
        tag="Provider accounts",
    )
    def patch(self, request: Request, provider_account_id: str) -> HttpResponse:
        """Change the members that are sent and leave the others. What a live merchant's rules leave to a second
        person answers 202 with the approval.
        """
        self.no_query()
        row = self.one(self.rows(), id=provider_account_id)
        changes = _fields(self.input(ProviderAccountChangeInput))
        credentials = changes.pop("credentials", {})
        approval = update_setup.amend_provider_account(row, changes=changes, credentials=credentials, actor=self.caller)
        if approval is not None:
            return self.answer(waiting(approval), 202)
        return self.answer(_accounts([row])[0])


def _fields(given: ProviderAccountInput | ProviderAccountChangeInput) -> dict[str, Any]:
    """What was sent, as the services take it."""
    rates = {"fee_rates": [rate.given() for rate in given.fee_rates]} if given.fee_rates is not None else {}
    return {**given.given(), **rates}


def _accounts(rows: Sequence[ProviderAccount]) -> list[dict[str, Any]]:
    """Accounts with the health of their connection, read for all at once."""
    states = account_status.of(rows)
    return [_account(row, states[row.id]) for row in rows]


def _account(row: ProviderAccount, state: AccountStatus) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": row.OBJECT,
        "provider": row.provider,
        "name": row.name,
        "currency": row.currency,
        "external_id": row.external_id or None,
        "bank_iban": row.bank_iban or None,
        "fee_rates": row.fee_rates,
        "payout_days": row.payout_days,
        "webhook_url": webhook_url(row),
        "default": row.default,
        "active": row.active,
        "status": {
            "ok": state.ok,
            "last_webhook_at": payloads.instant(state.last_webhook_at),
            "last_settlement_at": payloads.instant(state.last_settlement_at),
            "last_error": state.last_error,
        },
        "created_at": payloads.instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }
