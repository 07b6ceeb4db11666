"""Payouts: what providers say they transfer, and whether the bank has seen it."""

from typing import Annotated, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.core.input_types import text
from reconciliation import payloads
from reconciliation.api.schemas import PAYOUT
from reconciliation.models import Payout


class PayoutsQuery(Paging):
    """Which payouts."""

    status: Payout.Status | None = None
    """Only payouts of this status."""
    provider_account: Annotated[str, text(64)] | None = None
    """Only payouts of this provider account, by its id."""


class Payouts(ApiView):
    """All payouts of a merchant, or those from files that a channel's own key has sent."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read"}

    @described(
        "list_payouts", "Payouts, newest first", {200: page_of(PAYOUT)}, query=PayoutsQuery, tag="Reconciliation"
    )
    def get(self, request: Request) -> HttpResponse:
        """List what providers announced or paid to the bank."""
        query = self.query(PayoutsQuery)
        rows = self.own(Payout.objects.select_related("merchant", "settlement"), channel="settlement__file__channel_id")
        given = query.given()
        columns = {"status": "status", "provider_account": "provider_account_id"}
        rows = rows.filter(**{columns[name]: given[name] for name in columns if name in given})
        return self.page(rows, payloads.payout, query)


class OnePayout(ApiView):
    """One payout, and how much of it the bank has shown."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read"}

    @described("get_payout", "One payout", {200: PAYOUT}, refusals=[404], tag="Reconciliation")
    def get(self, request: Request, payout_id: str) -> HttpResponse:
        """Return one payout, and how much of it the bank has shown."""
        self.no_query()
        rows = self.own(Payout.objects.select_related("merchant", "settlement"), channel="settlement__file__channel_id")
        return self.answer(payloads.payout(self.one(rows, id=payout_id)))
