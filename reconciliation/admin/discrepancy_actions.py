"""What the forms on a discrepancy's page do: resolve it, undo that, and say whose work it is."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments.admin.base import render
from payments.admin.base.access import person
from payments.admin.base.addresses import row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.forms import AmountField, NoteField
from payments.core.errors import OnetillError
from payments.models import Discrepancy
from payments.people.models import Approval, User
from payments.people.permissions import May, holders
from payments.text.form_fields import DayField
from reconciliation.admin.discrepancy_filters import called
from reconciliation.services.assign import assign
from reconciliation.services.resolve import Resolution, resolve
from reconciliation.services.undo import undo


class DiscrepancyPosts:
    """The views behind the page's forms."""

    row: Any  # the row of an id, if its reader may see it: of `ReadOnlyModelAdmin`

    def assign(self, request: HttpRequest, discrepancy_id: str) -> HttpResponse:
        """Make it the work of a colleague, or of nobody."""
        row = self.row(request, discrepancy_id)
        wanted = request.POST.get("to", "")
        to = next((one for one in colleagues(row) if one.id == wanted), None)
        if wanted and to is None:
            messages.error(request, gettext("This is not one of the choices."))
            return redirect(_back(request, row))
        try:
            assign(discrepancy_id=row.id, to=User.objects.get(id=to.id) if to else None, actor=person(request).id)
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
        else:
            messages.success(request, _("Assigned."))
        return redirect(_back(request, row))

    def resolve(self, request: HttpRequest, discrepancy_id: str) -> HttpResponse:
        """Resolve it as the form requests, or show why that is refused."""
        row = self.row(request, discrepancy_id)
        try:
            wanted = Resolution(
                action=request.POST.get("action", ""),
                note=request.POST.get("note", ""),
                with_=tuple(" ".join(request.POST.getlist("with")).split()),
                until=_day(request.POST.get("until", "")),
                amount=AmountField(required=False, currency=row.currency or "EUR").clean(
                    request.POST.get("amount", "")
                ),
            )
            done = resolve(merchant=row.merchant, discrepancy_id=row.id, resolution=wanted, actor=person(request).id)
        except ValidationError as fault:
            messages.error(request, " ".join(fault.messages))
        except OnetillError as refusal:
            messages.error(request, _explain(refusal, row))
        else:
            messages.success(request, done.get_status_display())
        return redirect(_back(request, row))

    def undo(self, request: HttpRequest, discrepancy_id: str) -> HttpResponse:
        """Undo what was done about it, or show why that is refused."""
        row = self.row(request, discrepancy_id)
        try:
            note = NoteField().clean(request.POST.get("note", ""))
            done = undo(merchant=row.merchant, discrepancy_id=row.id, note=note, actor=person(request).id)
        except ValidationError as fault:
            messages.error(request, " ".join(fault.messages))
        except OnetillError as refusal:
            messages.error(request, _explain(refusal, row))
        else:
            waits = isinstance(done, Approval)
            messages.success(request, _("This waits for a second person.") if waits else _("Undone."))
        return redirect(_back(request, row))


def _explain(refusal: OnetillError, row: Discrepancy) -> str:
    """Return the text of a refusal; of an amount beyond what stands open, with how much that is."""
    if refusal.code != "amount_exceeds_open" or row.currency is None:
        return explain(refusal)
    left = render.amount(abs(refusal.members["open"]), row.currency)
    return gettext("This is more than what stands open: %(amount)s.") % {"amount": left}


def _day(text: str) -> date | None:
    """A day as people write it.

    Raises:
        ValidationError: it is none, or could be two.
    """
    return DayField(required=False).clean(text)


def _back(request: HttpRequest, row: Discrepancy) -> str:
    """Its page, with the way back to the list as it was filtered."""
    return row_url(Discrepancy, row.id) + (f"?{request.GET.urlencode()}" if request.GET else "")


@dataclass(frozen=True, slots=True)
class Colleague:
    """Who may be given a discrepancy."""

    id: str
    name: str


def colleagues(row: Discrepancy) -> list[Colleague]:
    """Who may resolve it."""
    found = holders(May.RESOLVE, merchant_id=row.merchant_id, channel_id=row.channel_id)
    return [Colleague(user.id, called(user)) for user in found]
