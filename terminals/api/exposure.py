"""What stands provisional, by store, terminal and age."""

from typing import ClassVar

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from payments.api.openapi import described
from payments.api.views import ApiView
from payments.models import Payment
from terminals import payloads
from terminals.api.schemas import EXPOSURE
from terminals.exposure import exposures


class OfflineExposure(ApiView):
    """What a caller's terminals approved offline and nothing confirms yet."""

    scopes: ClassVar[dict[str, str]] = {"GET": "terminals:read"}

    @described("get_exposure", "What was approved offline and is not settled", {200: EXPOSURE}, tag="Terminals")
    def get(self, request: Request) -> HttpResponse:
        """Return what terminals approved offline and no acquirer has confirmed, by store, terminal and age."""
        self.no_query()
        now = timezone.now()
        return self.answer(payloads.exposure(exposures(self.own(Payment.objects.all()), now=now), now=now))
