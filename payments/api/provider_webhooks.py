"""Webhooks of providers: verified, stored and acknowledged; applied by a worker."""

from typing import Final

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from payments.api.openapi import described
from payments.api.request_body import read_bytes
from payments.api.schemas import ANY_OBJECT, record, word
from payments.api.views import JsonView
from payments.core.errors import NotFound
from payments.db.compiled_queries import CompiledQuery
from payments.models import ProviderAccount
from payments.services.receive import acknowledgement, receive

RECEIVED = record(status=word("received"))

_ACCOUNT: Final = CompiledQuery(
    lambda provider, account_id: ProviderAccount.objects.select_related("merchant").filter(
        provider=provider, id=account_id, active=True
    )
)


class ProviderWebhooks(JsonView):
    """Signed by its provider account's secret, so that it needs no API key."""

    @described(
        "receive_provider_webhook",
        "A provider tells what happened",
        {200: RECEIVED},
        body={"application/json": ANY_OBJECT},
        refusals=[404],
        with_key=False,
        once=False,
        tag="Webhooks in",
    )
    def post(self, request: Request, provider: str, account_id: str) -> HttpResponse:
        """Receive a provider's own webhook, whose signature is checked; it is stored, acknowledged and applied
        after.
        """
        body = read_bytes(self.plain, settings.MAX_JSON_BYTES)
        account = _ACCOUNT.first(provider, account_id) if "\0" not in provider + account_id else None
        if account is None:
            raise NotFound
        headers = {name.lower(): value for name, value in self.plain.headers.items()}
        receive(account, body=body, headers=headers)
        wanted = acknowledgement(account, body)
        if wanted is not None:
            return HttpResponse(wanted, content_type="text/plain; charset=utf-8")
        return self.answer({"status": "received"})
