"""A device presents its code."""

from typing import Annotated, Literal

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from payments.api import request_body
from payments.api.inputs import Query, read, read_query
from payments.api.openapi import described
from payments.api.views import JsonView
from payments.core.input_types import text
from payments.core.inputs import Input
from payments.people.origin import address_in
from terminals.api.schemas import PAIRING
from terminals.services.pair import pair


class PairInput(Input):
    """The code on the back office's screen, and the device's own key if it has one."""

    pairing_code: Annotated[str, text(64)]
    """Code from the back office or from `POST /v1/terminals`, valid for ten minutes."""
    public_key: Annotated[str, text(200)] | None = None
    """The device's own Ed25519 key, `whpk_` and its 32 bytes in base64; left out, it signs with a shared secret."""
    signature: Literal["v1", "v2"] | None = None
    """Version of the signature that the device makes; `v1` when left out."""


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
        """Exchange a pairing code for the terminal's id and the secret with which it signs."""
        read_query(Query, self.plain.GET)
        _, data = request_body.read_json(self.plain)
        given = read(PairInput, data)
        paired = pair(
            code=given.pairing_code,
            public_key=given.public_key,
            signature_version=2 if given.signature == "v2" else 1,
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
