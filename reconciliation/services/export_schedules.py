"""Exports that are made again every day or month: set up by a person, asked for when their days are over."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from payments import audit_log
from payments.core.errors import Fault, Invalid, ValidationFailed
from payments.models import Merchant
from payments.people.permissions import May
from payments.people.services import authority
from payments.queries import books
from payments.runtime.sweeps import Sweep
from reconciliation.models import Export, ExportSchedule
from reconciliation.services import sftp
from reconciliation.services.put_exports import server_of
from reconciliation.services.request_export import ExportRequest, check_request, request_export

WORK: Final = "reconciliation.request_scheduled"
BY: Final = "system:schedule"
NOT_BEFORE: Final = dt.time(5)  # on the merchant's clock: terminals that were offline have sent the day before by then
LAST_PORT: Final = 65_536
_HOST: Final = re.compile(r"[A-Za-z0-9.:-]{1,253}")
# What a person is told of a server that nothing can be put onto.
FAILURES: Final = {
    "sftp_unreachable": gettext_noop("The server does not answer, or ends the connection. Check its name and port."),
    "sftp_address_refused": gettext_noop(
        "This leads to a private address. Use a server that is reachable on the internet."
    ),
    "sftp_host_key_changed": gettext_noop(
        "The server shows another key than the one that was confirmed. Ask who runs it whether the key was changed; "
        "if so, make a new schedule."
    ),
    "sftp_sign_in_refused": gettext_noop("The server refuses the user name, password or key."),
    "sftp_folder_refused": gettext_noop("Nothing can be written into this folder on the server."),
}
AT_ONCE: Final = 31  # spans of one schedule, where the server was off for long


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """What a schedule is to make, how often, and where it goes."""

    merchant: Merchant
    every: str
    delivery: str
    email: str
    kind: str
    profile: str
    account: str
    server: sftp.Server | None = None  # where it is handed over by SFTP


def create_schedule(new: NewSchedule, *, actor: str) -> ExportSchedule:
    """Make an export again and again from now on, the first of the day or month that is over.

    Raises:
        ValidationFailed: an export that cannot be asked for, or an address or a server that is none.
        Invalid: `sftp_…`: nothing can be put onto the server.
        Forbidden: `permission_missing`.
    """
    _may(new.merchant, actor, "export_schedule.created")
    _check(new)
    first, last = _last_span(new.every, timezone.now().astimezone(new.merchant.zone).date())
    checked = check_request(
        ExportRequest(
            merchant=new.merchant, kind=new.kind, profile=new.profile, account=new.account, first=first, last=last
        )
    )
    if new.server is not None:
        attempt(new.server)
    schedule = ExportSchedule(
        merchant=new.merchant,
        every=new.every,
        delivery=new.delivery,
        email=new.email,
        **_columns(new.server),
        kind=checked.kind.code,
        profile=checked.profile,
        account=checked.account,
        currency=checked.currency,
    )
    with transaction.atomic():
        schedule.save(force_insert=True)
        after = {name: getattr(schedule, name) for name in ("kind", "profile", "every", "delivery", "email")}
        if new.server is not None:
            after |= {name: getattr(schedule, name) for name in ("host", "port", "user", "folder")}
            after["host_key"] = sftp.fingerprint(schedule.host_key)
        if schedule.account:
            after["account"] = books.names([schedule.account])[schedule.account]
        _log(schedule, "created", actor, after)
    return schedule


def end_schedule(schedule: ExportSchedule, *, actor: str) -> None:
    """Make no more exports by it.

    Raises:
        Forbidden: `permission_missing`.
    """
    _may(schedule.merchant, actor, "export_schedule.ended")
    with transaction.atomic():
        if ExportSchedule.objects.filter(id=schedule.id, active=True).update(active=False):
            _log(schedule, "ended", actor, {"active": False})


def try_server(schedule: ExportSchedule, *, actor: str) -> None:
    """Sign in to the server of a schedule, and write there.

    Raises:
        Invalid: `sftp_…`.
        Forbidden: `permission_missing`.
    """
    _may(schedule.merchant, actor, "export_schedule.tried")
    attempt(server_of(schedule))


def attempt(server: sftp.Server) -> None:
    """Sign in to a server, and write there.

    Raises:
        Invalid: `sftp_…`.
    """
    try:
        sftp.attempt(server)
    except sftp.SftpFailed as failure:
        raise Invalid(failure.code, FAILURES[failure.code], param="host") from failure


def host_key_of(host: str, port: int) -> str:
    """Return the key that a server shows, for a person to compare; nobody signs in.

    Raises:
        Invalid: `sftp_unreachable`, `sftp_address_refused`.
    """
    try:
        return sftp.host_key(host, port)
    except sftp.SftpFailed as failure:
        raise Invalid(failure.code, FAILURES[failure.code], param="host") from failure


def request_due(*, now: dt.datetime | None = None) -> int:
    """Ask for the exports whose span is over (beat). Return how many."""
    moment, sweep, made = now or timezone.now(), Sweep(WORK), 0
    schedules = ExportSchedule.objects.filter(active=True).exclude(id__in=sweep.resting).select_related("merchant")
    for schedule in schedules.order_by("id"):
        with sweep.item(schedule.id, merchant_id=schedule.merchant_id):
            made += sum(_ask(schedule, first, last) for first, last in _due(schedule, moment))
    return made


def _ask(schedule: ExportSchedule, first: dt.date, last: dt.date) -> bool:
    request = ExportRequest(
        merchant=schedule.merchant,
        kind=schedule.kind,
        profile=schedule.profile,
        account=schedule.account,
        currency=schedule.currency,
        first=first,
        last=last,
    )
    try:
        with transaction.atomic():
            request_export(request, actor=BY, schedule=schedule)
            ExportSchedule.objects.filter(id=schedule.id).update(made_until=last)
    except IntegrityError:  # another worker was here first
        if not Export.objects.filter(schedule=schedule, first=first).exists():
            raise
        return False
    return True


def _due(schedule: ExportSchedule, moment: dt.datetime) -> Iterator[tuple[dt.date, dt.date]]:
    """The spans that are over and not asked for; of a new schedule the last one alone."""
    clock = moment.astimezone(schedule.merchant.zone)
    newest = clock.date() if clock.time() >= NOT_BEFORE else clock.date() - dt.timedelta(days=1)
    first, last = _last_span(schedule.every, newest)
    spans = [(first, last)]
    while schedule.made_until is not None and spans[-1][0] > schedule.made_until + dt.timedelta(days=1):
        spans.append(_last_span(schedule.every, spans[-1][0]))
    if schedule.made_until is not None and schedule.made_until >= last:
        return
    yield from list(reversed(spans))[:AT_ONCE]


def _last_span(every: str, day: dt.date) -> tuple[dt.date, dt.date]:
    """The day or month that was over before this day."""
    if every == ExportSchedule.Every.DAY:
        before = day - dt.timedelta(days=1)
        return before, before
    last = day.replace(day=1) - dt.timedelta(days=1)
    return last.replace(day=1), last


def _check(new: NewSchedule) -> None:
    faults = []
    for name, choices in (("every", ExportSchedule.Every), ("delivery", ExportSchedule.Delivery)):
        if getattr(new, name) not in choices.values:
            faults.append(Fault(name, "invalid_choice", f"Use one of: {', '.join(choices.values)}."))
    by_mail = new.delivery == ExportSchedule.Delivery.MAIL
    if by_mail and not _is_address(new.email):
        faults.append(Fault("email", "invalid_format", "Enter the e-mail address to which the exports go."))
    if new.email and not by_mail:
        faults.append(Fault("email", "not_together", "An address is used by e-mail only. Leave it out."))
    if (new.server is not None) != (new.delivery == ExportSchedule.Delivery.SFTP):
        detail = gettext_noop("A server is used by SFTP only, and has to be entered for it.")
        faults.append(Fault("host", "required", detail))
    elif new.server is not None:
        faults += _server_faults(new.server)
    if faults:
        raise ValidationFailed(faults)


def _server_faults(server: sftp.Server) -> list[Fault]:
    faults = []
    if not _HOST.fullmatch(server.host) or not 0 < server.port < LAST_PORT:
        faults.append(Fault("host", "invalid_format", gettext_noop("Enter the name or address of the server.")))
    if not server.user or not server.host_key:
        detail = gettext_noop("Enter a user name, and confirm the server's key.")
        faults.append(Fault("user", "required", detail))
    if bool(server.password) == bool(server.private_key):
        faults.append(Fault("password", "required", gettext_noop("Enter a password or a private key, not both.")))
    if server.private_key and not sftp.is_private_key(server.private_key):
        detail = gettext_noop(
            "This is no private key without a passphrase. Paste it whole, with its first and last line."
        )
        faults.append(Fault("private_key", "invalid_format", detail))
    return faults


def _columns(server: sftp.Server | None) -> dict[str, Any]:
    if server is None:
        return {}
    given = {"password": server.password} if server.password else {"private_key": server.private_key}
    names = ("host", "port", "user", "folder", "host_key")
    return {**{name: getattr(server, name) for name in names}, "sign_in": json.dumps(given)}


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _may(merchant: Merchant, actor: str, action: str) -> None:
    authority.require_of_person(actor=actor, what=May.RESOLVE, merchant_id=merchant.id, channel_id=None, action=action)


def _log(schedule: ExportSchedule, what: str, actor: str, after: dict[str, object]) -> None:
    audit_log.write(
        actor=actor,
        action=f"export_schedule.{what}",
        subject=schedule,
        merchant_id=schedule.merchant_id,
        after=after,
    )
