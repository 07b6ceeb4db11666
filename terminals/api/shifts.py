"""What devices report of their shifts, signed."""

from typing import Final

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from payments.api import request_body
from payments.api.idempotency import encode
from payments.api.inputs import read
from payments.api.openapi import described
from payments.core.errors import Conflict
from payments.core.pan import mask_tree
from terminals import payloads
from terminals.api.device import TAG, DeviceView
from terminals.api.schemas import SHIFT, SIGNED
from terminals.services.close_shift import ShiftOutcome, report_shift
from terminals.services.idempotency import Rendered
from terminals.shift_report import ShiftInput, ShiftReport

_CONFLICT: Final = "This shift was reported before with other content. Both are kept; set this one aside and show it."


class Shifts(DeviceView):
    """Where devices open and close shifts."""

    @extend_schema(parameters=SIGNED)
    @described(
        "report_shift",
        "Open or close a shift",
        {200: SHIFT, 201: SHIFT},
        body=ShiftInput,
        refusals=[401, 409],
        with_key=False,
        by_device=True,
        once=False,
        tag=TAG,
    )
    def post(self, request: Request) -> HttpResponse:
        """Open or closes a shift; what the device counted is compared with the books."""
        signed, key, content = self.signed()
        given = read(ShiftInput, mask_tree(request_body.json_of(self.plain, content))[0])
        return self.send(report_shift(signed, key, ShiftReport.of(given), render=self._render))

    def _render(self, outcome: ShiftOutcome) -> Rendered:
        if not outcome.conflict:
            return Rendered(201 if outcome.new else 200, encode(payloads.shift(outcome.shift)))
        refusal = Conflict("shift_conflict", _CONFLICT)
        refusal.members |= {"shift": outcome.shift.id}
        return self.refused(refusal)
