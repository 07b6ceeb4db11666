"""Chargebacks: sales that the cardholder's bank takes back. Providers report them; none is made over the API."""

from typing import Annotated, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads
from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import CHARGEBACK, page_of
from payments.api.views import ApiView
from payments.core.input_types import Instant, text
from payments.models import Chargeback
from payments.queries import chargebacks as queries


class ChargebacksQuery(Paging):
    """Which chargebacks."""

    status: Chargeback.Status | None = None
    stage: Chargeback.Stage | None = None
    order: Annotated[str, text(64)] | None = None
    payment: Annotated[str, text(64)] | None = None
    channel: Annotated[str, text(64)] | None = None
    provider_account: Annotated[str, text(64)] | None = None
    created_from: Instant | None = None
    created_to: Instant | None = None
    respond_by_from: Instant | None = None
    respond_by_to: Instant | None = None


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
        return self.page(self.rows(query.given()), payloads.chargeback, query)


class OneChargeback(ChargebackView):
    """One chargeback."""

    @described("get_chargeback", "One chargeback", {200: CHARGEBACK}, refusals=[404], tag="Chargebacks")
    def get(self, request: Request, chargeback_id: str) -> HttpResponse:
        self.no_query()
        return self.answer(payloads.chargeback(self.one(self.rows({}), id=chargeback_id)))
