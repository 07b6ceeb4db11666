"""A transaction that finds a defect of ours stops neither its batch nor the device, and is taken in once that is mended."""

from typing import Any

import pytest
from django.db import OperationalError

from payments.models import CardEvidence, Payment, WorkFailure
from payments.services.card_present import transitions
from terminals.models import TerminalTransaction
from terminals.services import deferred
from tests.api.conftest import Shop
from tests.terminals.conftest import books
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db

POISON = 666


@pytest.fixture
def defect(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A sale of this amount finds a defect."""
    take = transitions.sale

    def refuses_one(work: Any, row: Any) -> Any:
        if row.amount == POISON:
            raise ZeroDivisionError("a defect that only this amount finds")
        return take(work, row)

    monkeypatch.setattr(transitions, "sale", refuses_one)
    return monkeypatch


def test_one_bad_transaction_never_stops_its_batch(terminal: Device, shop: Shop, defect: pytest.MonkeyPatch) -> None:
    answer = terminal.post(sale(1, 1000), sale(2, POISON), sale(3, 500))
    assert answer.status_code == 200
    body = answer.json()
    assert [(result["status"], result["payment"] is None) for result in body["results"]] == [
        ("recorded", False), ("recorded", True), ("recorded", False),
    ]  # fmt: skip
    assert (body["missing_sequences"], body["next_sequence"]) == ([], 4)
    assert books(shop.merchant) == {"receivable": 1500, "takings": -1500}
    row = TerminalTransaction.objects.get(status="waiting")
    failed = WorkFailure.objects.get()
    assert (failed.work, failed.subject, failed.attempts) == ("terminals.apply_waiting", str(row.id), 1)
    assert failed.error.startswith("ZeroDivisionError at ")
    assert CardEvidence.objects.get(sequence=2).amount == POISON

    deferred.sweep()
    assert WorkFailure.objects.get().attempts == 2
    defect.undo()
    WorkFailure.objects.update(due_at=row.recorded_at)
    assert deferred.sweep() == 1
    assert WorkFailure.objects.count() == 0
    assert books(shop.merchant) == {"receivable": 1500 + POISON, "takings": -1500 - POISON}
    (news,) = terminal.heartbeat().json()["resolved"]
    assert (news["sequence"], news["payment"]) == (2, Payment.objects.get(amount=POISON).id)


def test_alone_it_is_kept_too_and_its_repetition_is_a_duplicate(terminal: Device, defect: pytest.MonkeyPatch) -> None:
    first = terminal.post(sale(1, POISON))
    assert (first.status_code, first.json()["status"], first.json()["payment"]) == (201, "recorded", None)
    again = terminal.post(sale(1, POISON))
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    assert terminal.post(sale(1, 999)).status_code == 409
    assert terminal.post(sale(2, 700, order_reference="A-1")).json()["status"] == "recorded"


def test_a_database_that_is_away_is_nobodys_fault(terminal: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(work: Any, row: Any) -> Any:
        raise OperationalError("the database is away")

    monkeypatch.setattr(transitions, "sale", away)
    answer = terminal.post(sale(1))
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert TerminalTransaction.objects.count() == 0
