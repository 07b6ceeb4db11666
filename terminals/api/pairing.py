"""A device presents its code."""

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from payments.api import request_body
from payments.api.fields import OPTIONAL, Choice, Text
from payments.api.inputs import Input, Query, read, read_query
from payments.api.openapi import described
from payments.api.views import JsonView
from payments.people.origin import address_in
from terminals.api.schemas import PAIRING
from terminals.services.pair import pair


class PairInput(Input):
    """The code on the back office's screen, and the device's own key if it has one."""

    pairing_code = Text(longest=64)
    public_key = Text(longest=200, **OPTIONAL)
    signature = Choice(["v1", "v2"], **OPTIONAL)


class Pair(JsonView):
    """Where devices pair: no API key, no Idempotency-Key."""

    @described(
        "pair_terminal",
        "Pair a device",
        {201: PAIRING},
        body=PairInput,
        refusals=[404, 429],
        with_key=False,
        once=False,
        tag="Devices",
    )
    def post(self, request: Request) -> HttpResponse:
        read_query(Query, self.plain.GET)
        _, data = request_body.read_json(self.plain)
        given = read(PairInput, data)
        paired = pair(
            code=given["pairing_code"],
            public_key=given.get("public_key"),
            signature_version=2 if given.get("signature") == "v2" else 1,
            address=address_in(self.plain.META),
        )
        terminal = paired.terminal
        return self.answer(
            {
                "terminal": terminal.id,
                "merchant": terminal.merchant_id,
                "currency": terminal.merchant.currency,
                "timezone": terminal.merchant.timezone,
                "series": terminal.series,
                "next_sequence": terminal.next_sequence,
                "stream_url": settings.STREAM_URL,
                "secret": paired.secret,
            },
            201,
        )
