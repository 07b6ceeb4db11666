"""Payment methods, and the providers that offer them."""

from typing import Annotated, Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from django.templatetags.static import static
from rest_framework.request import Request

from payments.api.inputs import Query
from payments.api.openapi import described
from payments.api.schemas import ADDRESS, ANY_OBJECT, FLAG, MINOR_UNITS, TEXT, define, identifier, many, maybe, record
from payments.api.views import ApiView
from payments.core.input_types import Currency, number_of_query
from payments.models import Channel
from payments.providers import registry
from payments.providers.base import Provider
from payments.queries import methods

METHODS = define(
    "Methods",
    record(
        data=many(
            record(
                method=TEXT,
                provider_account=identifier("pac"),
                min=maybe(MINOR_UNITS),
                max=maybe(MINOR_UNITS),
                issuers=many(ANY_OBJECT),
                icon_url=ADDRESS,
                redirect=FLAG,
            )
        )
    ),
)
PROVIDERS = define(
    "Providers",
    record(
        data=many(
            record(
                provider=TEXT,
                methods=many(TEXT),
                credentials=many(record(name=TEXT, required=FLAG, secret=FLAG)),
                reports_only=FLAG,
                terminals=FLAG,
            )
        )
    ),
)


class MethodsQuery(Query):
    """The channel, currency and amount (minor units) of a sale to come."""

    channel: Channel | None = None
    """Channel of the sale, by its id; the key's own when left out."""
    currency: Currency | None = None
    """Only methods that take this currency."""
    amount: Annotated[int, number_of_query(least=1)] | None = None
    """Only methods that take this amount, in minor units."""


class Methods(ApiView):
    """What a customer may pay with."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read"}

    @described("list_methods", "What can be paid with", {200: METHODS}, query=MethodsQuery, tag="Payments")
    def get(self, request: Request) -> HttpResponse:
        """Return what a checkout may offer for a channel, currency and amount, each method with the account that
        takes it.
        """
        query = self.query(MethodsQuery)
        offers = methods.offered(
            self.merchant,
            channel=self.channel_if_any(query.channel),
            currency=query.currency,
            amount=query.amount,
        )
        return self.answer({"data": [_offer(offer) for offer in offers]})


class Providers(ApiView):
    """The providers of this installation, and the settings and credentials an account of each needs."""

    scopes: ClassVar[dict[str, str]] = {"GET": "accounts:read"}

    @described("list_providers", "Providers", {200: PROVIDERS}, tag="Provider accounts")
    def get(self, request: Request) -> HttpResponse:
        """Return the providers of this installation, with the settings and credentials that an account of each
        needs.
        """
        self.no_query()
        return self.answer({"data": [_provider(one) for one in registry.providers().values()]})


def _offer(offer: methods.Offer) -> dict[str, Any]:
    return {
        "method": offer.method,
        "provider_account": offer.provider_account_id,
        "min": offer.least,
        "max": offer.most,
        "issuers": [],
        "icon_url": f"{settings.PUBLIC_URL}{static(f'payments/methods/{offer.method}.svg')}",
        "redirect": offer.redirect,
    }


def _provider(provider: Provider) -> dict[str, Any]:
    able = provider.capabilities
    return {
        "provider": provider.code,
        "methods": sorted(able.methods),
        "credentials": [{"name": one.name, "required": one.required, "secret": one.secret} for one in able.credentials],
        "reports_only": able.reports_only,
        "terminals": able.drives_terminals,
    }
