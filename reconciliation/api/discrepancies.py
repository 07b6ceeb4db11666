"""Discrepancies of every floor: listed, and resolved as far as one person's word goes."""

from datetime import timedelta
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from payments import payloads
from payments.api.fields import OPTIONAL, Choice, Day, Text, Whole
from payments.api.idempotency import Answer
from payments.api.inputs import Input, Paging
from payments.api.openapi import described
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind
from payments.services.idempotency import IdempotencyGuard
from reconciliation.api.schemas import DISCREPANCY
from reconciliation.services.open_balance import ACTIONS
from reconciliation.services.resolve import LONGEST_NOTE, Resolution, resolve

TAG: Final = "Reconciliation"


class DiscrepanciesQuery(Paging):
    """Which discrepancies; `age` is how many days old at least, `assigned_to` a person's id or `nobody`."""

    kind = Choice(DiscrepancyKind.values, required=False)
    status = Choice(Discrepancy.Status.values, required=False)
    age = Whole(most=36_500, required=False)
    assigned_to = Text(longest=64, required=False)


class ResolveInput(Input):
    """The body of a resolution."""

    action = Choice(ACTIONS)
    until = Day(**OPTIONAL)
    note = Text(longest=LONGEST_NOTE)

    def get_fields(self) -> dict[str, Any]:
        names = serializers.ListField(child=Text(longest=64), max_length=100, **OPTIONAL)
        return {**super().get_fields(), "with": names}  # a keyword of Python


class Discrepancies(ApiView):
    """All discrepancies of a merchant, or of the channel that a key is tied to."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read"}

    @described(
        "list_discrepancies",
        "Discrepancies, newest first",
        {200: page_of(DISCREPANCY)},
        query=DiscrepanciesQuery,
        tag=TAG,
    )
    def get(self, request: Request) -> HttpResponse:
        query = self.query(DiscrepanciesQuery)
        rows = self.own(_discrepancies())
        rows = rows.filter(**{name: query[name] for name in ("kind", "status") if name in query})
        if "age" in query:
            rows = rows.filter(created_at__lte=timezone.now() - timedelta(days=query["age"]))
        if "assigned_to" in query:
            nobody = query["assigned_to"] == "nobody"
            rows = rows.filter(assigned_to=None if nobody else query["assigned_to"])
        return self.page(rows, payloads.discrepancy, query)


class Resolve(ApiView):
    """Resolves one, or proposes it to a second person."""

    scopes: ClassVar[dict[str, str]] = {"POST": "reconciliation:write"}

    @described(
        "resolve_discrepancy",
        "Resolve a discrepancy; what needs a second person waits for one",
        {200: DISCREPANCY},
        body=ResolveInput,
        refusals=[404],
        tag=TAG,
    )
    def post(self, request: Request, discrepancy_id: str) -> HttpResponse:
        found = self.one(self.own(_discrepancies()), id=discrepancy_id)
        return self.once(lambda guard: self._resolve(found.id, guard), self._resume)

    def _resolve(self, discrepancy_id: str, guard: IdempotencyGuard) -> Answer:
        given = self.input(ResolveInput)
        resolution = Resolution(
            action=given["action"], note=given["note"], with_=tuple(given.get("with", ())), until=given.get("until")
        )
        row = resolve(
            merchant=self.merchant,
            discrepancy_id=discrepancy_id,
            resolution=resolution,
            actor=self.caller,
            guard=guard,
        )
        return Answer(200, payloads.discrepancy(row))

    def _resume(self, object_id: str) -> Answer:
        return Answer(200, payloads.discrepancy(self.one(_discrepancies(), id=object_id)))


def _discrepancies() -> QuerySet[Discrepancy]:
    return Discrepancy.objects.select_related("merchant")
