"""Provider events in: verified, stored, acknowledged; then applied once, in any order."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from payments.core.pan import mask_card_numbers
from payments.db.compiled_queries import CompiledQuery
from payments.models import Discrepancy, Operation, ProviderAccount, ProviderEvent
from payments.models.discrepancy import DiscrepancyKind
from payments.providers import registry
from payments.providers.base import ProviderReport, WebhookEvent
from payments.runtime import task_queue
from payments.runtime.fail_points import fail_point
from payments.services import discrepancy, look_up, sql
from payments.services.charge_transitions import next_look, repeats
from payments.services.record import record
from payments.services.submit import credentials_of
from payments.text.messages import Translatable, message_columns

logger = logging.getLogger(__name__)

Status = ProviderEvent.Status
PATIENCE: Final = timedelta(days=1)  # how long an event may wait for what it is about

_ANSWERED: Final = CompiledQuery(
    lambda merchant_id, operation_id: Operation.objects.filter(
        merchant_id=merchant_id, id=operation_id, reversed_at=None
    )
)

_DUE: Final = CompiledQuery(
    lambda event_id: (
        ProviderEvent.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(id=event_id, due_at__isnull=False)
        .select_related("provider_account__merchant")
    )
)


def receive(account: ProviderAccount, *, body: bytes, headers: Mapping[str, str]) -> str:
    """Verify and store a webhook, and return our id for it; applying it is left to a worker.

    Of what nobody has signed only news of our payments is stored: the answer is the same, and the id is empty.

    Raises:
        SignatureInvalid: the account's secret did not sign these bytes.
    """
    # Before anything is parsed or stored: what nobody signed costs us nothing but this.
    event_id = registry.provider(account.provider).verify(body, headers, credentials_of(account))
    fail_point("receive.verified")
    now = timezone.now()
    row = ProviderEvent(
        merchant_id=account.merchant_id,
        provider_account=account,
        event_id=event_id,
        body=_masked(body, account),
        due_at=now,
        created_at=now,
    )
    notice = _read(row)
    if notice is not None and not look_up.is_worth_keeping(account, notice):
        logger.info("a hint about no payment of ours came for %s", account.id)
        return ""
    row.announces = notice.announces[:255] if notice is not None else ""
    # Many webhooks only repeat what the call itself answered; they need no worker and no lock.
    if notice is not None and notice.reports and all(_is_known(account, report) for report in notice.reports):
        row.status, row.due_at, row.applied_at = Status.APPLIED, None, now
    stored = _stored(row)
    fail_point("receive.stored")
    if stored:
        if row.due_at is not None:
            task_queue.enqueue_on_commit("payments.apply_event", row.id)
        return row.id
    return _again(account, event_id, notice)


def acknowledgement(account: ProviderAccount, body: bytes) -> str | None:
    """What the provider of a stored webhook wants to read in place of our own answer."""
    wanted = registry.provider(account.provider).capabilities.acknowledgement
    return wanted(body) if wanted is not None else None


def _again(account: ProviderAccount, event_id: str, notice: WebhookEvent | None) -> str:
    """Count one more delivery. A hint is followed once more: it may look the same about other news."""
    earlier = ProviderEvent.objects.filter(provider_account=account, event_id=event_id)
    # Counted by the database, since two repetitions may come at once.
    earlier.update(deliveries=F("deliveries") + 1)
    row_id = earlier.values_list("id", flat=True)[0]
    if notice is not None and notice.look_up:
        earlier.update(status=Status.PENDING, due_at=timezone.now())
        task_queue.enqueue_on_commit("payments.apply_event", row_id)
    return row_id


def _stored(row: ProviderEvent) -> bool:
    """Store an event that is new."""
    columns = (row.id, row.merchant_id, row.provider_account_id, row.event_id, row.body, row.announces)
    return sql.done(sql.STORE_EVENT, [*columns, row.status, row.due_at, row.applied_at, row.created_at])


def _is_known(account: ProviderAccount, report: ProviderReport) -> bool:
    """Whether a report only repeats a final answer: most webhooks repeat what the call has returned."""
    operation = _ANSWERED.first(account.merchant_id, report.operation_id) if report.operation_id else None
    return operation is not None and operation.verb == report.fact.value and repeats(operation, report.result)


def apply_event(event_id: str) -> None:
    """Apply one stored event, unless it was, or another worker just does.

    A hint is asked about in between, since no provider is called inside a transaction.
    """
    with transaction.atomic():
        fail_point("apply.opened")
        row = _DUE.first(event_id)
        notice = _read(row) if row is not None else None
        is_hint = notice is not None and bool(notice.look_up)
        if row is not None and not is_hint:
            _apply(row, notice)
        fail_point("apply.written")
    fail_point("apply.committed")
    if row is not None and notice is not None and is_hint:
        _follow(row, notice)


def _follow(asked: ProviderEvent, hint: WebhookEvent) -> None:
    """Ask what a hint is about, and apply the answer as if it were the event's own."""
    fail_point("hint.asking")
    reports = _looked_up(asked, hint)
    fail_point("hint.answered")
    with transaction.atomic():
        row = _DUE.first(asked.id)
        if row is not None:
            look_up.wake(row, hint)
            _apply(row, replace(hint, reports=tuple(reports or ())), answered=reports is not None)
            # It came once more since we asked, so that there may be news which the answer does not hold.
            if row.deliveries != asked.deliveries:
                ProviderEvent.objects.filter(id=row.id).update(status=Status.PENDING, due_at=timezone.now())
        fail_point("hint.written")
    fail_point("hint.committed")


def _looked_up(row: ProviderEvent, hint: WebhookEvent) -> Sequence[ProviderReport] | None:
    """What the provider says about what is only a hint; None: it gave no answer."""
    try:
        return look_up.look_up(row, hint)
    except Exception:  # as in submit: a defect in the adapter must not lose the event
        logger.exception("provider %s failed to look up %s", row.provider_account.provider, row.event_id)
        return None


def _apply(row: ProviderEvent, notice: WebhookEvent | None, *, answered: bool = True) -> None:
    now = timezone.now()
    row.attempts += 1
    if notice is None:
        row.status, row.due_at = Status.UNREADABLE, None
    elif not answered:
        _ask_later(row)
    elif not notice.reports:
        row.status, row.due_at, row.applied_at = Status.IGNORED, None, now
    else:
        recording = record(row.provider_account, notice.reports, actor=f"provider:{row.provider_account_id}")
        fail_point("apply.recorded")
        if recording.waiting:
            _wait(row, notice)
        else:
            row.status, row.due_at, row.applied_at = Status.APPLIED, None, now
    row.save(update_fields=["status", "due_at", "applied_at", "attempts", "detail"])


def _ask_later(row: ProviderEvent) -> None:
    """The provider did not answer the question that its hint asks for; after a day it is left to a person."""
    row.status, row.due_at = Status.WAITING, next_look(row.attempts, timezone.now())
    if timezone.now() - row.created_at >= PATIENCE:
        row.due_at, row.detail = None, gettext_noop("The provider did not answer when asked about it.")


def _read(row: ProviderEvent) -> WebhookEvent | None:
    try:
        return registry.provider(row.provider_account.provider).parse_webhook(bytes(row.body))
    # Refusing it would make the provider send it for days, and nobody here would see it.
    except Exception as error:  # evidence that cannot be read is kept, and shown to finance
        logger.exception("event %s of %s cannot be read", row.event_id, row.provider_account_id)
        row.detail = f"{type(error).__name__}: the event could not be read."
        return None


def _wait(row: ProviderEvent, notice: WebhookEvent) -> None:
    """Look again later; what nobody knows after a day becomes a discrepancy, and a late truth still closes it."""
    row.status, row.due_at = Status.WAITING, next_look(row.attempts, timezone.now())
    # Our own call's answer may be on its way still, and names what this is about.
    if timezone.now() - row.created_at < PATIENCE:
        return
    amounts = [report.result.amount for report in notice.reports if report.result.amount is not None]
    row.due_at, row.detail = None, gettext_noop("Nothing of ours was found for it.")
    discrepancy.open_discrepancies(
        [
            Discrepancy(
                merchant=row.provider_account.merchant,
                kind=DiscrepancyKind.MISSING_IN_BOOKS,
                key=f"missing_in_books:{row.id}",
                **message_columns(
                    gettext_noop("{account} reported {event} about a payment we do not know."),
                    account=str(row.provider_account),
                    event=notice.type or Translatable(gettext_noop("an event")),
                ),
                amount=amounts[0].amount if amounts else None,
                currency=amounts[0].currency if amounts else None,
            )
        ]
    )


def _masked(body: bytes, account: ProviderAccount) -> bytes:
    """What a provider reports is kept without card numbers, and the slip is logged."""
    # Bytes that are no UTF-8 are kept as they came unless something in them is masked.
    text = body.decode("utf-8", errors="replace")
    masked = mask_card_numbers(text)
    if masked == text:
        return body
    logger.warning("a card number was masked in an event of %s", account.id)
    return masked.encode()
