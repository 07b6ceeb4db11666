"""What providers owe and when it is expected, and what they charge beside the contract."""

from typing import Annotated, ClassVar, Final

from django.http import HttpResponse
from rest_framework.request import Request

from payments.api.inputs import Query
from payments.api.openapi import described
from payments.api.views import ApiView
from payments.core.input_types import number_of_query
from reconciliation import payloads
from reconciliation.api.schemas import FEES, FORECAST
from reconciliation.forecast import LONGEST, fee_rates, forecast

TAG: Final = "Reconciliation"


class ForecastQuery(Query):
    """How many days ahead, today among them."""

    days: Annotated[int, number_of_query(least=1, most=LONGEST)] = 14


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
        self.no_query()
        return self.answer(payloads.fees(self.merchant, fee_rates(self.merchant)))
