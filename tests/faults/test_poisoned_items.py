"""One bad row never stops the others: each loop over work goes past a poisoned item, keeps count of it and tells.

Every sweep of the installation has its poison here; what heals is done by the button, and struck off the list.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection
from django.utils import timezone

from config import sql as figures
from payments import mail, statistics
from payments.admin.lists import files
from payments.core.money import Money
from payments.models import (
    CardEvidence,
    Discrepancy,
    Merchant,
    Operation,
    Payment,
    ProviderAccount,
    ProviderEvent,
    ReceiptDue,
    StatisticDelta,
    StatisticTotal,
    Voucher,
    WorkFailure,
)
from payments.notify.models import Mail, WebhookDelivery, WebhookEndpoint
from payments.notify.services import deliver, endpoints
from payments.notify.services.emit import NewEvent, emit
from payments.people.models import ListFile
from payments.runtime import sweeps
from payments.runtime.sweeps import ATTEMPTS
from payments.services.card_present.types import DeviceOutcome, Kind
from payments.services.recover import recover
from payments.services.refunds.plan import RefundRequest
from payments.services.refunds.request import request_refund
from payments.services.retry_work import retry_work
from payments.services.send_receipt import write_due
from payments.services.voucher import VoucherRequest, create_voucher, expire
from reconciliation import journal, registry
from reconciliation.models import (
    Announcement,
    Connector,
    Export,
    ExportSchedule,
    Payout,
    SettlementFile,
    SettlementLine,
)
from reconciliation.services import (
    export_schedules,
    fill_outboxes,
    forget_files,
    import_file,
    make_export,
    put_exports,
    read_sources,
    rematch,
    send_documents,
)
from reconciliation.services.keep_masked import MOST_ATTEMPTS
from reconciliation.services.overdue import raise_overdue
from reconciliation.services.request_export import ExportRequest, request_export
from reconciliation.sources.base import SourceUnavailable
from terminals import tasks
from terminals.models import Terminal, TerminalAction, TerminalTransaction
from terminals.services import deferred
from terminals.services.actions import drive, refunds, sweep
from terminals.services.actions.request import SaleRequest, request_sale
from terminals.services.create import create as create_terminal
from tests import sql
from tests.notify.receiver import running
from tests.people.cast import person
from tests.reconciliation.conftest import BankLine, Line, Shop, card_present, settlement_csv, statement
from tests.reconciliation.conftest import open_shop as open_shop
from tests.reconciliation.conftest import shop as shop
from tests.terminals.providers.conftest import RunningMaker
from tests.terminals.providers.conftest import maker as maker

UNREADABLE: Final = "no token of any key"  # what an EncryptedTextField cannot decrypt


def failure(work: str, subject: object) -> WorkFailure:
    """The one row that failed, and it alone."""
    row = WorkFailure.objects.get(work=work)
    assert (row.subject, row.attempts) == (str(subject), 1)
    assert row.error
    assert "Traceback" not in row.error
    return row


HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGzKCz0SwQnLz3ZJ0WQ3XKfFZ0x0Zk8bXw2cT0cR1J5h"


def spoil(account: ProviderAccount) -> None:
    """Nobody can read the credentials of this account any more."""
    _write("UPDATE payments_provideraccount SET credentials = %s WHERE id = %s", UNREADABLE, account.id)


def heal(account: ProviderAccount) -> None:
    ProviderAccount.objects.filter(id=account.id).update(credentials=account.credentials)


def _write(statement: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def neighbour(open_shop: Callable[[str], Shop]) -> Shop:
    """Whose work is to go on."""
    return open_shop("Buur")


def test_every_sweep_over_work_is_proven_here() -> None:
    """A sweep that is added is added here too; those left out delete or fold in one statement."""
    as_sets = {
        *(
            "payments.forget_accounts",
            "payments.forget_keys",
            "payments.notify.forget_mail",
            "payments.notify.clear_stranded",
        ),
        "payments.forget_sign_ins",
        *("terminals.forget_requests", "payments.ledger.fold", "payments.ledger.extend_chain"),
    }
    proven = {
        *("payments.write_list_files", "payments.forget_list_files"),
        *("payments.recover", "payments.write_receipts", "payments.expire_vouchers", "payments.fold_statistics"),
        *("payments.notify.deliver", "payments.notify.send_mail"),
        *("terminals.sweep_waiting", "terminals.sweep_actions", "terminals.drive_all"),
        *("reconciliation.import_due", "reconciliation.read_sources", "reconciliation.look_for_payouts"),
        *("reconciliation.rematch", "reconciliation.raise_overdue", "reconciliation.forget_files"),
        *("reconciliation.fill_outboxes", "reconciliation.send_to_accountants"),
        *("reconciliation.make_exports_due", "reconciliation.request_scheduled", "reconciliation.put_exports"),
    }
    assert set(settings.SWEEPS) == as_sets | proven


def test_an_operation_that_cannot_be_taken_up(shop: Shop, neighbour: Shop) -> None:
    poison, good = shop.sells_online(1000), neighbour.sells_online(1000)
    Operation.objects.update(outcome="unknown", due_at=timezone.now() - timedelta(seconds=1))
    spoil(shop.account("simulator"))
    recover()
    operation = poison.operations.get()
    assert good.operations.get().outcome == "succeeded"
    row = failure("payments.recover_operation", operation.id)
    assert row.merchant_id == shop.merchant.id
    assert row.error.startswith("Undecipherable at ")


def test_what_failed_often_is_set_aside_and_tried_again_by_a_person(shop: Shop) -> None:
    payment = shop.sells_online(1000)
    account = shop.account("simulator")
    spoil(account)
    for _ in range(ATTEMPTS + 2):
        Operation.objects.update(outcome="unknown", due_at=timezone.now() - timedelta(seconds=1))
        WorkFailure.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        recover()
    row = WorkFailure.objects.get()
    assert (row.attempts, row.due_at) == (ATTEMPTS, None)
    with connection.cursor() as cursor:
        cursor.execute(figures.FAILED_WORK)
        assert [found[:3] for found in cursor.fetchall()] == [("payments.recover_operation", 1, 1)]
    heal(account)
    Operation.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    recover()
    assert payment.operations.get().outcome == "unknown"  # by itself it is not tried any more
    retry_work(row, actor="usr_anna")
    recover()
    assert (payment.operations.get().outcome, WorkFailure.objects.count()) == ("succeeded", 0)


def test_what_rests_takes_no_place_in_the_round(shop: Shop, neighbour: Shop) -> None:
    shop.sells_online(1000)
    spoil(shop.account("simulator"))
    for _ in range(2):
        Operation.objects.update(outcome="unknown", due_at=timezone.now() - timedelta(seconds=1))
        recover()
    good = neighbour.sells_online(1000)
    Operation.objects.update(outcome="unknown", due_at=timezone.now() - timedelta(seconds=1))
    assert recover(limit=1) == 1
    assert good.operations.get().outcome == "succeeded"


def test_an_event_that_cannot_be_applied(shop: Shop, neighbour: Shop) -> None:
    events = [
        ProviderEvent.objects.create(
            merchant_id=each.merchant.id,
            provider_account=each.account("simulator"),
            event_id=f"evt-{at}",
            body=b"{}",
            due_at=timezone.now(),
        )
        for at, each in enumerate((shop, neighbour))
    ]
    spoil(shop.account("simulator"))
    recover()
    failure("payments.apply_event", events[0].id)
    assert ProviderEvent.objects.filter(id=events[1].id, due_at=None).exists()


def test_a_payment_that_cannot_expire(shop: Shop, neighbour: Shop) -> None:
    poison, good = shop.sells_online(1000), neighbour.sells_online(1000)
    Payment.objects.update(status="requires_action", amount_captured=0, expires_at=timezone.now())
    spoil(shop.account("simulator"))
    recover()
    good.refresh_from_db()
    assert good.status == "expired"
    failure("payments.expire_payment", poison.id)


def test_a_voucher_that_cannot_expire(shop: Shop) -> None:
    request = VoucherRequest(merchant=shop.merchant, amount=Money(500, "EUR"))
    poison, good = (create_voucher(request, actor="tests").voucher for _ in range(2))
    Voucher.objects.update(expires_at=timezone.now())
    Voucher.objects.filter(id=poison.id).update(balance=0)  # an entry of nothing cannot be booked
    assert expire() == 2
    failure("payments.expire_voucher", poison.id)
    good.refresh_from_db()
    assert good.status == "expired"


def test_a_receipt_that_cannot_be_written(shop: Shop) -> None:
    payment = shop.sells_online(1000)
    for object_id in ("pay_00000000000000000000000000", payment.id):
        ReceiptDue.objects.create(merchant_id=shop.merchant.id, object_id=object_id, to="anna@example.org")
    assert write_due() == 1
    failure("payments.write_receipt", "pay_00000000000000000000000000")
    assert Mail.objects.get().object_id == payment.id


def test_a_figure_that_cannot_be_added(shop: Shop) -> None:
    shop.sells_online(1000)
    statistics.fold_all()
    total = StatisticTotal.objects.get()
    same = {name: getattr(total, name) for name in ("business_day", "hour", "method", "origin", "brand", "currency")}
    mine = {**same, "merchant_id": total.merchant_id, "channel_id": total.channel_id}
    poison = StatisticDelta.objects.create(**mine, sales_amount=2**63 - 1)
    StatisticDelta.objects.create(**mine, sales_amount=234)
    assert statistics.fold() == 1
    failure("payments.fold_statistics", poison.id)
    total.refresh_from_db()
    assert total.sales_amount == 1234


def test_a_delivery_that_cannot_be_prepared(shop: Shop, settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with running() as receiver:
        ids = [
            endpoints.create(
                url=receiver.url(path), merchant_id=shop.merchant.id, test_mode=True, events=["*"], actor="tests"
            ).endpoint.id
            for path in ("/poison", "/good")
        ]
        emit([_news(shop)])
        _write("UPDATE notify_webhookendpoint SET secret = %s WHERE id = %s", UNREADABLE, ids[0])
        deliver.deliver()
    found = dict(WebhookDelivery.objects.values_list("endpoint_id", "status"))
    assert found == {ids[0]: "pending", ids[1]: "succeeded"}
    poison = WebhookDelivery.objects.get(endpoint_id=ids[0])
    assert (poison.attempts, poison.failure) == (1, "It could not be prepared: Undecipherable.")
    assert poison.next_attempt_at is not None
    assert poison.next_attempt_at > timezone.now()
    assert WebhookEndpoint.objects.filter(status="enabled").count() == 2


def test_a_letter_that_cannot_be_written(shop: Shop) -> None:
    good = {"merchant_id": shop.merchant.id, "object_id": "pay_1", "to": "anna@example.org", "text": "Thank you."}
    poison = Mail.objects.create(**good, subject="A subject\nof two lines")
    Mail.objects.create(
        **good, subject="Your receipt", attachment=b"%PDF", attachment_name="a.pdf", attachment_type="/"
    )
    Mail.objects.create(**good, subject="Your receipt")
    assert mail.send_due() == 3
    assert list(Mail.objects.order_by("id").values_list("status", flat=True))[2] == "succeeded"
    poison.refresh_from_db()
    assert (poison.status, poison.failure) == ("pending", "BadHeaderError")


def test_a_transaction_that_cannot_be_applied(shop: Shop) -> None:
    terminal = Terminal.objects.create(
        merchant=shop.merchant, channel=shop.store, provider_account=shop.account("external"), label="Till 1", series=1
    )
    shop.terminal = terminal.id
    for sequence in (1, 2):
        shop.reports(Kind.REFUND, 500, original=9)
        TerminalTransaction.objects.create(
            terminal=terminal, series=1, sequence=sequence, type="refund", content=b"", status="waiting", waits_for=9
        )
    posted: dict[int, Any] = {1: {}}  # as nobody can read it
    full = {"sequence": 2, "type": "refund", "amount": 500, "currency": "EUR", "outcome": "approved"}
    posted[2] = {**full, "occurred_at": "2026-11-20T09:30:00Z"}
    for sequence, content in posted.items():  # which the application may not
        values = [json.dumps(content), sequence]
        sql.past_guards(
            "payments_cardevidence", "UPDATE payments_cardevidence SET posted = %s WHERE sequence = %s", values
        )
    deferred.sweep()
    failure("terminals.apply_waiting", TerminalTransaction.objects.get(sequence=1).id)
    assert TerminalTransaction.objects.get(sequence=2).status == "recorded"


def _driven(shop: Shop) -> Terminal:
    """A terminal of the store that its maker drives."""
    return create_terminal(
        channel=shop.store, label="Till 9", driver="simulator", device_id=shop.merchant.id, actor="tests"
    ).terminal


def _queued_sale(shop: Shop) -> TerminalAction:
    """What such a terminal is to charge, and has not been given yet."""
    return request_sale(SaleRequest(terminal_id=_driven(shop).id, amount=1000), actor="tests")


def test_an_action_that_cannot_expire(shop: Shop, neighbour: Shop) -> None:
    poison, good = _queued_sale(shop), _queued_sale(neighbour)
    TerminalAction.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    spoil(shop.account("external"))
    tasks.sweep_actions()
    assert failure(sweep.WORK, poison.id).merchant_id == shop.merchant.id
    assert TerminalAction.objects.get(id=good.id).status == "expired"


def test_an_action_that_cannot_be_asked_about(shop: Shop, neighbour: Shop) -> None:
    poison, good = _queued_sale(shop), _queued_sale(neighbour)
    past = timezone.now() - timedelta(seconds=1)
    TerminalAction.objects.update(status="presented", sent_at=past, ask_at=past)
    spoil(shop.account("external"))
    tasks.sweep_actions()
    failure(sweep.WORK, poison.id)
    assert TerminalAction.objects.get(id=good.id).status == "unknown"
    assert TerminalAction.objects.filter(target=good, type="status").exists()


def test_a_refund_that_cannot_be_offered(shop: Shop, neighbour: Shop) -> None:
    poison, good = _to_give_back(shop), _to_give_back(neighbour)
    spoil(shop.account("external"))
    tasks.sweep_actions()
    assert failure(refunds.WORK, poison.id).merchant_id == shop.merchant.id
    assert TerminalAction.objects.get().operation_id == good.id


def _to_give_back(shop: Shop) -> Operation:
    """A refund that was planned at a terminal, and was never offered to it."""
    shop.terminal = _driven(shop).id
    order = shop.sells_in_store(500).order
    request_refund(
        RefundRequest(
            order=order,
            channel=shop.store,
            reason="Too small",
            route="terminal",
            terminal_id=shop.terminal,
            operator="Sanne",
        ),
        actor="tests",
    )
    return Operation.objects.get(refund_part__refund__order=order)


def test_a_terminal_that_cannot_be_driven(shop: Shop, neighbour: Shop, maker: RunningMaker) -> None:
    poison, good = _queued_sale(shop), _queued_sale(neighbour)
    spoil(shop.account("external"))
    assert tasks.drive_all() == 1
    assert failure(drive.WORK, poison.terminal_id).merchant_id == shop.merchant.id
    assert [TerminalAction.objects.get(id=each.id).status for each in (poison, good)] == ["queued", "succeeded"]


def test_a_file_that_cannot_be_imported(shop: Shop, neighbour: Shop) -> None:
    poison = shop.uploads(settlement_csv(Line(100, reference="a")), provider_account=shop.account("simulator"))
    good = neighbour.uploads(settlement_csv(Line(100, reference="b")), provider_account=neighbour.account("simulator"))
    poison.file.delete(save=False)
    SettlementFile.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    import_file.import_due()
    good.refresh_from_db()
    assert good.status == "imported"
    failure("reconciliation.import_file", poison.id)


def test_a_file_that_can_never_be_imported_says_why(shop: Shop) -> None:
    poison = shop.uploads(settlement_csv(Line(100, reference="a")), provider_account=shop.account("simulator"))
    poison.file.delete(save=False)
    for _ in range(MOST_ATTEMPTS + 1):
        SettlementFile.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        WorkFailure.objects.update(due_at=timezone.now())
        import_file.import_due()
        SettlementFile.objects.filter(status="processing").update(due_at=timezone.now() - timedelta(seconds=1))
    poison.refresh_from_db()
    (problem,) = poison.problems
    assert (poison.status, problem["code"]) == ("refused", "file_not_masked")
    assert "FileNotFoundError" in problem["detail"]


def test_an_account_whose_lines_cannot_be_matched(shop: Shop, neighbour: Shop) -> None:
    for each, number in ((shop, "1"), (neighbour, "2")):
        each.sends(settlement_csv(card_present(500, rrn=number, tid="T1")), provider_account=each.account("external"))
        each.sells_in_store(500, rrn=number, acquirer_tid="T1")
    spoil(shop.account("external"))
    rematch.rematch()
    failure("reconciliation.rematch", shop.account_id("external"))
    assert neighbour.disagreements() == []


def test_a_line_that_cannot_be_matched(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.sends(
        settlement_csv(card_present(500, rrn="1", tid="T1"), card_present(700, rrn="2", tid="T1")),
        provider_account=shop.account("external"),
    )
    shop.sells_in_store(500, rrn="1", acquirer_tid="T1")
    shop.sells_in_store(700, rrn="2", acquirer_tid="T1")
    poison = SettlementLine.objects.get(rrn="1")
    book = journal.late_match

    def refuses_one(merchant: Any, line: SettlementLine, item: int, at: Any) -> Any:
        if line.id == poison.id:
            raise ValueError("a defect that only this line finds")
        return book(merchant, line, item, at)

    monkeypatch.setattr(journal, "late_match", refuses_one)
    rematch.rematch()
    failure("reconciliation.rematch_line", poison.id)
    assert [row.amount for row in shop.disagreements()] == [500]
    monkeypatch.undo()
    rematch.rematch()
    assert (shop.disagreements(), WorkFailure.objects.count()) == ([], 0)


def test_a_payout_that_cannot_be_found(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.sends(statement(BankLine(500, "PAY-1"), BankLine(700, "PAY-2")))
    rows = [Line(500, reference="a"), Line(700, reference="b")]
    poison = "PAY-1"
    book = journal.payout_received

    def refuses_one(line: Any, parts: list[tuple[Payout, int]], **more: Any) -> Any:
        if any(payout.reference == poison for payout, _ in parts):
            raise ValueError("a defect that only this payout finds")
        return book(line, parts, **more)

    monkeypatch.setattr(journal, "payout_received", refuses_one)
    for row, reference in zip(rows, ("PAY-1", "PAY-2"), strict=True):
        file = shop.sends(settlement_csv(row, payout=reference), provider_account=shop.account("simulator"))
        assert file.status == "imported"
    failed = WorkFailure.objects.get(work="reconciliation.find_payout")
    assert failed.subject == Payout.objects.get(reference=poison).id
    assert Payout.objects.get(reference="PAY-2").status == "received"
    monkeypatch.undo()
    WorkFailure.objects.update(due_at=timezone.now())
    rematch.rematch()
    assert Payout.objects.get(reference=poison).status == "received"


def test_a_doubt_that_cannot_be_settled_stops_neither_its_file_nor_the_others(shop: Shop) -> None:
    shop.reports(Kind.REFUND, 500, ending=DeviceOutcome.UNKNOWN, rrn="1", acquirer_tid="T1")
    sale = shop.sells_in_store(700, ending=DeviceOutcome.UNKNOWN, rrn="2", acquirer_tid="T1")
    Discrepancy.objects.filter(amount=500).update(channel_id=None)  # where it stood, nobody knows
    lines = [card_present(-500, kind="terminal_refund", rrn="1", tid="T1"), card_present(700, rrn="2", tid="T1")]
    file = shop.sends(settlement_csv(*lines), provider_account=shop.account("external"))
    assert file.status == "imported"
    failure("reconciliation.settle_doubt", CardEvidence.objects.get(rrn="1").id)
    sale.refresh_from_db()
    assert sale.status == "captured"


def test_something_overdue_that_cannot_be_told(shop: Shop) -> None:
    for reference in ("P-1", "P-2"):
        content = settlement_csv(Line(500, reference=reference), payout=reference, on=date(2026, 11, 1))
        shop.sends(content, provider_account=shop.account("simulator"))
    poison = Payout.objects.get(reference="P-1")
    Payout.objects.filter(id=poison.id).update(currency="ZZZ")
    assert raise_overdue() == 1
    failure("reconciliation.raise_overdue", poison.id)
    assert len(shop.disagreements("payout_not_received")) == 1


@pytest.fixture
def stripe_accounts(shop: Shop, neighbour: Shop) -> list[ProviderAccount]:
    return [
        ProviderAccount.objects.create(merchant=each.merchant, provider="stripe", name="Stripe", currency="EUR")
        for each in (shop, neighbour)
    ]


@dataclass
class _Source:
    """A provider that has nothing to tell."""

    format: str = "stripe_payout"

    def recent(self, credentials: Any, since: Any) -> list[str]:
        return ["po_2"]

    def look(self, reference: str, credentials: Any) -> Any:
        raise SourceUnavailable("It is away.")


@pytest.mark.parametrize("work", ["read_payout", "look_for_payouts"])
def test_a_payout_that_cannot_be_read(
    stripe_accounts: list[ProviderAccount], work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "sources", lambda: {"stripe": _Source()})
    poison, good = stripe_accounts
    rows = [
        Announcement.objects.create(
            merchant_id=account.merchant_id, provider_account=account, reference="po_1", due_at=timezone.now()
        )
        for account in stripe_accounts
    ]
    spoil(poison)
    if work == "read_payout":
        read_sources.read_due()
        failure(f"reconciliation.{work}", rows[0].id)
        assert Announcement.objects.get(id=rows[1].id).detail == "It is away."
    else:
        assert read_sources.look_for_lost() == 1
        failure(f"reconciliation.{work}", poison.id)
        assert Announcement.objects.filter(provider_account_id=good.id).count() == 2


def test_a_file_that_cannot_be_forgotten(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [shop.uploads(settlement_csv(Line(100, reference=name))) for name in "ab"]
    storage, names = rows[0].file.storage, [row.file.name for row in rows]
    SettlementFile.objects.all().delete()
    delete = storage.delete

    def refuses_one(name: str) -> None:
        if name == names[0]:
            raise PermissionError(name)
        delete(name)

    monkeypatch.setattr(storage, "delete", refuses_one)
    assert forget_files.forget_files(now=timezone.now() + timedelta(days=2)) == 1
    failure("reconciliation.forget_file", names[0])


def test_an_error_is_told_without_what_it_was_about() -> None:
    error = ValueError("anna@example.org paid by 4111 1111 1111 1111")
    assert sweeps.described(error) == "ValueError"


def _news(shop: Shop) -> NewEvent:
    return NewEvent(
        merchant_id=shop.merchant.id,
        channel_id=shop.store.id,
        type="payment.captured",
        object_type="payment",
        object_id="pay_00000000000000000000000001",
        data={"object": {"id": "pay_00000000000000000000000001"}},
        test_mode=True,
    )


def connected(shop: Shop) -> Connector:
    """An accountant's software, and a day's document that is due there."""
    shop.sells_in_store(500)
    row = Connector.objects.create(
        merchant=shop.merchant,
        kind="snelstart",
        name="Books",
        sends="journals",
        starts_on=timezone.now().date() - timedelta(days=3),
        status=Connector.Status.CONNECTED,
        due_at=timezone.now(),
    )
    fill_outboxes.fill(row.id, now=timezone.now() + timedelta(days=2))
    assert row.documents.update(due_at=timezone.now()) == 1
    return row


def test_an_outbox_that_cannot_be_filled(shop: Shop, neighbour: Shop) -> None:
    poison, good = connected(shop), connected(neighbour)
    Connector.objects.update(filled_at=None)
    Merchant.objects.filter(id=shop.merchant.id).update(timezone="Nowhere/Land")
    fill_outboxes.fill_outboxes()
    failure("reconciliation.fill_outbox", poison.id)
    good.refresh_from_db()
    assert good.filled_at is not None


def test_a_connector_that_cannot_send(shop: Shop, neighbour: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    poison, good = connected(shop), connected(neighbour)
    gone: list[str] = []
    monkeypatch.setattr(send_documents._Run, "go", lambda run: gone.append(run.row.id))
    _write("UPDATE reconciliation_connector SET credentials = %s WHERE id = %s", UNREADABLE, poison.id)
    send_documents.send_due()
    failure("reconciliation.send_to_accountant", poison.id)
    assert gone == [good.id]


def test_an_export_that_cannot_be_made(shop: Shop, neighbour: Shop) -> None:
    today = timezone.now().date()
    poison, good = (
        request_export(
            ExportRequest(merchant=each.merchant, kind="journal_csv", first=today, last=today), actor="tests"
        )
        for each in (shop, neighbour)
    )
    Export.objects.filter(id=poison.id).update(kind="nonsense")
    Export.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    make_export.make_due()
    failure("reconciliation.make_export", poison.id)
    good.refresh_from_db()
    assert good.status == "ready"


def test_a_file_of_a_list_that_cannot_be_written_or_deleted(shop: Shop, neighbour: Shop) -> None:
    poison, good = (
        ListFile.objects.create(
            user=person(name, each.merchant.id),
            page="payments.payment",
            columns=["channel"],
            format="csv",
            language="en",
        )
        for name, each in (("ada", shop), ("bob", neighbour))
    )
    ListFile.objects.filter(id=poison.id).update(page="payments.nonsense")
    ListFile.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    files.write_due()
    failure(files.WRITE, poison.id)
    good.refresh_from_db()
    assert good.status == "ready"

    ListFile.objects.update(created_at=timezone.now() - ListFile.RETENTION - timedelta(days=1))
    ListFile.objects.filter(id=poison.id).update(file="../outside")
    files.forget_files()
    failure(files.FORGET, poison.id)
    assert list(ListFile.objects.values_list("id", flat=True)) == [poison.id]


def test_a_schedule_that_cannot_be_kept(shop: Shop, neighbour: Shop, settings: Any, tmp_path: Any) -> None:
    settings.EXPORT_FOLDER = tmp_path
    poison, good = (
        export_schedules.create_schedule(
            export_schedules.NewSchedule(
                merchant=each.merchant,
                every="day",
                delivery="folder",
                email="",
                kind="journal_csv",
                profile="exact",
                account="",
            ),
            actor="tests",
        )
        for each in (shop, neighbour)
    )
    ExportSchedule.objects.filter(id=poison.id).update(kind="nonsense")
    assert export_schedules.request_due(now=timezone.now() + timedelta(days=1)) == 1
    failure(export_schedules.WORK, poison.id)
    assert Export.objects.get().merchant_id == neighbour.merchant.id == good.merchant_id


def test_an_export_whose_server_nobody_can_sign_in_to(shop: Shop, neighbour: Shop) -> None:
    today = timezone.now().date()
    poison, good = (
        Export.objects.create(
            merchant=each.merchant,
            schedule=_to_a_server(each),
            kind="journal_csv",
            currency="EUR",
            first=today,
            last=today,
        )
        for each in (shop, neighbour)
    )
    _write("UPDATE reconciliation_exportschedule SET sign_in = %s WHERE id = %s", UNREADABLE, str(poison.schedule_id))
    for export in (poison, good):
        export.file.save("export", ContentFile(b"books"))
    Export.objects.update(status="ready", due_at=None, delivery_due_at=timezone.now())
    assert put_exports.put_due() == 0
    failure(put_exports.WORK, poison.id)
    good.refresh_from_db()
    assert (good.delivery_error, good.delivery_attempts) == ("sftp_unreachable", 1), "it was tried all the same"


def _to_a_server(shop: Shop) -> ExportSchedule:
    server = {
        "host": "accountant.invalid",
        "port": 22,
        "user": "u",
        "host_key": HOST_KEY,
        "sign_in": '{"password": "p"}',
    }
    what = {"every": "day", "delivery": "sftp", "kind": "journal_csv", "currency": "EUR"}
    return ExportSchedule.objects.create(merchant=shop.merchant, **what, **server)
