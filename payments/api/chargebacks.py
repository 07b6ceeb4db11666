"""Chargebacks: sales that the cardholder's bank takes back. Providers report them; none is made over the API."""

from typing import ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads
from payments.api.fields import Choice, Instant, Text
from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import CHARGEBACK, page_of
from payments.api.views import ApiView
from payments.models import Chargeback
from payments.queries import chargebacks as queries


class ChargebacksQuery(Paging):
    """Which chargebacks."""

    status = Choice(Chargeback.Status.values, required=False)
    stage = Choice(Chargeback.Stage.values, required=False)
    order = Text(longest=64, required=False)
    payment = Text(longest=64, required=False)
    channel = Text(longest=64, required=False)
    provider_account = Text(longest=64, required=False)
    created_from = Instant(required=False)
    created_to = Instant(required=False)
    respond_by_from = Instant(required=False)
    respond_by_to = Instant(required=False)


class ChargebackView(ApiView):
    """What the addresses of chargebacks share: those of a merchant, or of the channel that a key is tied to."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read"}

    def rows(self, query: dict[str, object]) -> QuerySet[Chargeback]:
        return self.own(queries.chargebacks(self.caller.merchant_id, query), channel="payment__channel_id")


class Chargebacks(ChargebackView):
    """All chargebacks."""

    @described(
        "list_chargebacks",
        "Chargebacks, newest first",
        {200: page_of(CHARGEBACK)},
        query=ChargebacksQuery,
        tag="Chargebacks",
    )
    def get(self, request: Request) -> HttpResponse:
        query = self.query(ChargebacksQuery)
        return self.page(self.rows(query), payloads.chargeback, query)


class OneChargeback(ChargebackView):
    """One chargeback."""

    @described("get_chargeback", "One chargeback", {200: CHARGEBACK}, refusals=[404], tag="Chargebacks")
    def get(self, request: Request, chargeback_id: str) -> HttpResponse:
        self.query()
        return self.answer(payloads.chargeback(self.one(self.rows({}), id=chargeback_id)))
