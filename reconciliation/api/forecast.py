"""What providers owe and when it is expected, and what they charge beside the contract."""

from typing import Annotated, ClassVar, Final

from django.http import HttpResponse
from rest_framework.request import Request

from payments.api.inputs import Query
from payments.api.openapi import described
from payments.api.schemas import (
    ACCOUNT_REF,
    CURRENCY,
    DAY,
    FLAG,
    MINOR_UNITS,
    TEXT,
    WHOLE,
    define,
    identifier,
    many,
    maybe,
    record,
    word,
)
from payments.api.views import ApiView
from payments.core.input_types import number_of_query
from reconciliation import payloads
from reconciliation.forecast import LONGEST, fee_rates, forecast

FORECAST = define(
    "Forecast",
    record(
        object=word("forecast"),
        **{"from": DAY},
        to=DAY,
        accounts=many(
            record(
                provider_account=ACCOUNT_REF,
                currency=CURRENCY,
                bank_iban=maybe(TEXT),
                owed=MINOR_UNITS,
                overdue=MINOR_UNITS,
                undated=MINOR_UNITS,
                delay=record(bank_days=maybe(WHOLE), source=maybe(word("payouts", "contract")), payouts=WHOLE),
                expected=many(
                    record(
                        date=maybe(DAY),
                        overdue=FLAG,
                        sold_on=maybe(DAY),
                        payout=maybe(identifier("pyo")),
                        items=WHOLE,
                        amount=MINOR_UNITS,
                        fees=MINOR_UNITS,
                        net=MINOR_UNITS,
                    )
                ),
            )
        ),
        refunds=many(
            record(
                currency=CURRENCY,
                bank_iban=maybe(TEXT),
                date=maybe(DAY),
                overdue=FLAG,
                ordered=FLAG,
                transfers=WHOLE,
                amount=MINOR_UNITS,
            )
        ),
        cash_flow=many(record(date=DAY, currency=CURRENCY, amount=MINOR_UNITS)),
        test_mode=FLAG,
    ),
)
FEES = define(
    "Fees",
    record(
        object=word("fees"),
        rates=many(
            record(
                provider_account=ACCOUNT_REF,
                currency=CURRENCY,
                method=maybe(TEXT),
                brand=maybe(TEXT),
                sales=WHOLE,
                gross=MINOR_UNITS,
                fees=MINOR_UNITS,
                vat=MINOR_UNITS,
                effective_basis_points=WHOLE,
                contract=maybe(record(fixed=MINOR_UNITS, basis_points=WHOLE)),
                contract_fees=maybe(MINOR_UNITS),
            )
        ),
        test_mode=FLAG,
    ),
)
TAG: Final = "Reconciliation"


class ForecastQuery(Query):
    """How many days ahead, today among them."""

    days: Annotated[int, number_of_query(least=1, most=LONGEST)] = 14
    """How many days ahead, today among them."""


class ForecastView(ApiView):
    """The money that is on its way to the bank."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read"}

    @described(
        "get_forecast",
        "What each provider owes, when it is expected on which bank account, and what is overdue",
        {200: FORECAST},
        query=ForecastQuery,
        tag=TAG,
    )
    def get(self, request: Request) -> HttpResponse:
        """Return what each provider owes, when it is expected on which bank account, and what is overdue."""
        query = self.query(ForecastQuery)
        return self.answer(payloads.forecast(forecast(self.merchant, days=query.days)))


class Fees(ApiView):
    """What providers charge."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read"}

    @described(
        "get_fees",
        "What providers charged for sales in the last 90 days, by method and brand, beside the contract's rates",
        {200: FEES},
        tag=TAG,
    )
    def get(self, request: Request) -> HttpResponse:
        """Return what providers charged for sales in the last 90 days, by method and brand, beside the contract's
        rates.
        """
        self.no_query()
        return self.answer(payloads.fees(self.merchant, fee_rates(self.merchant)))
