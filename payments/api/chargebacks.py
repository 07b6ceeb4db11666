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
    """Only chargebacks of this status."""
    stage: Chargeback.Stage | None = None
    """Only chargebacks at this stage of the dispute."""
    order: Annotated[str, text(64)] | None = None
    """Only those about this order, by its id."""
    payment: Annotated[str, text(64)] | None = None
    """Only those about this payment, by its id."""
    channel: Annotated[str, text(64)] | None = None
    """Only those about payments of this channel, by its id."""
    provider_account: Annotated[str, text(64)] | None = None
    """Only those that this provider account reported, by its id."""
    created_from: Instant | None = None
    """Only those recorded at or after this time."""
    created_to: Instant | None = None
    """Only those recorded before this time."""
    respond_by_from: Instant | None = None
    """Only those whose answer is due at or after this time."""
    respond_by_to: Instant | None = None
    """Only those whose answer is due before this time."""


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
        """List what cardholders' banks take or ask back, with the day by which an answer is due."""
        query = self.query(ChargebacksQuery)
        return self.page(self.rows(query.given()), payloads.chargeback, query)


class OneChargeback(ChargebackView):
    """One chargeback."""

    @described("get_chargeback", "One chargeback", {200: CHARGEBACK}, refusals=[404], tag="Chargebacks")
    def get(self, request: Request, chargeback_id: str) -> HttpResponse:
        """Return one chargeback with its history."""
        self.no_query()
        return self.answer(payloads.chargeback(self.one(self.rows({}), id=chargeback_id)))
