"""The first page: today's sales by channel, what needs attention, and the last payments as they come in."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib import admin
from django.db.models import Model, Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.http import urlencode
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from payments.admin.base import render
from payments.admin.base.access import merchants, person
from payments.admin.base.addresses import list_url
from payments.admin.base.navigation import environment
from payments.admin.base.page import Section
from payments.admin.finance import overview
from payments.admin.finance.alarms import Alarm, alarm
from payments.ledger import balances
from payments.ledger.models import Account
from payments.models import (
    BankTransfer,
    Chargeback,
    Discrepancy,
    Merchant,
    Payment,
    ProviderEvent,
    Refund,
    WorkFailure,
)
from payments.models.discrepancy import DiscrepancyKind
from payments.people.models import Approval, User
from payments.people.permissions import May, may, may_somewhere, within
from payments.people.services import approvals
from payments.queries import attention

LATEST: Final = 12
FOLD_LATE: Final = 60  # seconds
ANSWER_SOON: Final = timedelta(days=3)


def context(request: HttpRequest) -> dict[str, Any]:
    """What the first page and its live part show."""
    user = person(request)
    own = list(merchants(user).order_by("-mode", "name")[:50])
    requested = request.GET.get("merchant")
    chosen = next((row for row in own if requested in (None, row.id)), None)
    if chosen is None:
        return {"merchants": own, "chosen": None, "unknown": requested is not None}
    return {
        "merchants": own,
        "chosen": chosen,
        "environment": environment(request, chosen),
        "today": render.day(chosen.business_day(timezone.now())),
        "overviews": overview.today(user, chosen, timezone.now()),
        "alarms": _alarms(user, chosen),
        "latest": _latest(user, chosen),
        "now": render.moment(timezone.now(), chosen.zone),
        "stream": f"{settings.STREAM_URL}{reverse('live')}stream?{urlencode({'merchant': chosen.id})}",
    }


@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The part of the first page that is read again when something happened; a signed-out browser reloads all of it."""
    if not admin.site.has_permission(request):
        return HttpResponse(status=401, headers={"HX-Refresh": "true"})
    return TemplateResponse(request, "payments/admin/live.html", context(request))


def _alarms(user: User, merchant: Merchant) -> list[Alarm]:
    now = timezone.now()
    here = within(user, May.SEE) & Q(merchant=merchant)
    waiting = approvals.undecided_for(user, merchants=[merchant.id])
    for_me = attention.of_rows("approvals", [row.requested_at for row in waiting])
    found = [
        alarm(_("requests that wait for your decision"), for_me, now, Approval, {"turn": "me"}, urgent=True),
        alarm(
            _("payments with an unknown outcome"),
            attention.unknown_outcomes(here),
            now,
            Payment,
            {"status__exact": "unknown"},
            urgent=True,
        ),
        *_refund_alarms(user, merchant, now),
        _chargeback_alarm(user, merchant, now),
        *(
            alarm(
                _("discrepancies: %(kind)s") % {"kind": DiscrepancyKind(row.subject).label},
                row,
                now,
                Discrepancy,
                {"kind__exact": row.subject, "status__exact": "open"},
            )
            for row in attention.discrepancies(here)
        ),
    ]
    if may(user, May.SEE_BOOKS, merchant_id=merchant.id, channel_id=None):
        events = attention.provider_events(Q(merchant=merchant))
        found.append(
            alarm(_("provider events that are waiting"), events, now, ProviderEvent, {"status__exact": "waiting"})
        )
        failed = attention.failed_work(Q(merchant_id=merchant.id))
        found.append(alarm(_("failed work that was set aside"), failed, now, WorkFailure, {}, urgent=True))
        found.extend(_fold_alarm())
    found += [alarm for path in settings.ALARMS for alarm in import_string(path)(user, merchant, now)]
    return [alarm for alarm in found if alarm.count]


def _refund_alarms(user: User, merchant: Merchant, now: datetime) -> list[Alarm]:
    words = {
        "approval": _("refunds waiting for a second person"),
        "release": _("bank transfers to release"),
        "balance": _("refunds that wait for money at the provider"),
        "failed": _("failed refunds, to be decided again"),
        "unknown": _("refunds with an unknown outcome"),
    }
    reach = within(user, May.SEE, merchant="refund__merchant_id", channel="refund__channel_id")
    rows = attention.refunds(reach & Q(refund__merchant=merchant))
    return [
        alarm(
            words[row.subject],
            row,
            now,
            *_where_to(row.subject, user),
            urgent=row.subject in ("failed", "unknown"),
        )
        for row in rows
    ]


def _where_to(subject: str, user: User) -> tuple[type[Model], dict[str, str]]:
    """The link to the refunds that wait; people who may release transfers get the list of transfers instead."""
    if subject == "release" and may_somewhere(user, May.RELEASE_TRANSFERS):
        return BankTransfer, {}
    return Refund, {"waiting": subject}


def _chargeback_alarm(user: User, merchant: Merchant, now: datetime) -> Alarm:
    here = within(user, May.SEE, channel="payment__channel_id") & Q(merchant=merchant)
    row = attention.chargebacks(here, now)
    left = render.age(row.since - now) if row.since else ""
    text = _("chargebacks to answer, the first within %(time)s") % {"time": left}
    soon = row.since is not None and row.since - now < ANSWER_SOON
    return Alarm(text, row.count, "", list_url(Chargeback, to_answer="yes"), soon)


def _fold_alarm() -> list[Alarm]:
    """Balances are folded in the background; when that falls behind, someone should know."""
    seconds = balances.fold_age()
    if seconds < FOLD_LATE:
        return []
    age = render.age(timedelta(seconds=seconds))
    return [Alarm(_("balances lag behind the postings"), 1, age, list_url(Account), True)]


def _clock(row: Payment) -> str:
    """To the second today, and the day of an earlier one."""
    zone = row.merchant.zone
    if row.occurred_at.astimezone(zone).date() != timezone.now().astimezone(zone).date():
        return render.short_moment(row.occurred_at, zone)
    return formats.date_format(row.occurred_at.astimezone(zone), "H:i:s")


def _latest(user: User, merchant: Merchant) -> Section:
    rows = Payment.objects.filter(within(user, May.SEE), merchant=merchant).select_related(
        "merchant", "order", "channel"
    )
    return Section(
        id="latest",
        title=_("Last payments"),
        columns=[_("time"), _("channel"), _("origin"), _("method"), _("status"), _("amount"), _("order")],
        rows=[
            [
                _clock(row),
                row.channel.name,
                render.label(row.get_origin_display(), "info" if row.origin == "online" else "primary"),
                render.method(row),
                render.status(row.status),
                render.linked_money(row.id, row.amount, row.currency),
                render.link(row.order_id, row.order.reference or row.receipt_number),
            ]
            for row in rows.order_by("-id")[:LATEST]
        ],
        empty=_("No payment yet."),
    )
