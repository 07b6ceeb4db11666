"""`GET /v1`: who a key belongs to and what it may do."""

from typing import ClassVar

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads
from payments.api.openapi import described
from payments.api.schemas import ROOT
from payments.api.views import ApiView
from payments.models import Channel

VERSION = "v1"


class Root(ApiView):
    """Every key may ask what it is."""

    scopes: ClassVar[dict[str, str]] = {"GET": ""}

    @described("get_root", "What a key is", {200: ROOT}, tag="Keys")
    def get(self, request: Request) -> HttpResponse:
        """Return what the key is: merchant, mode, channel and scopes, and where the event stream is."""
        self.no_query()
        caller = self.caller
        channel = Channel.objects.get(id=caller.channel_id) if caller.channel_id else None
        return self.answer(
            {
                "version": VERSION,
                "test_mode": caller.test_mode,
                "merchant": caller.merchant_id,
                "channel": payloads.channel_ref(channel) if channel else None,
                "scopes": list(caller.scopes),
                "stream_url": settings.STREAM_URL,
            }
        )
