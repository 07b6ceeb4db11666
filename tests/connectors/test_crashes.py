"""Workers that die, that are slow, and that come two at once: each document is in the package once."""

import os
import signal

import pytest
from django.utils import timezone

from reconciliation.models import Connector
from reconciliation.services import connector_access, connectors, send_documents
from tests.connectors.conftest import Accountant, Connects
from tests.connectors.test_contract import WRITES
from tests.connectors.workers import worker
from tests.fake_books.faults import Fault
from tests.threads import at_once, in_thread

PATIENCE = 60


def lease_ends(accountant: Accountant) -> None:
    """The time passes for which a dead worker's lease lasts."""
    Connector.objects.filter(id=accountant.connector.id).update(held_until=timezone.now())


@pytest.mark.parametrize("code", ["moneybird", "snelstart", "exact_online"])
def test_a_worker_killed_between_their_booking_and_our_commit_sends_nothing_twice(
    code: str, connects: Connects
) -> None:
    accountant = connects(code)
    accountant.sells(12_50)
    accountant.fill()
    accountant.package.faults.plan(WRITES[code], Fault.HANGS_DONE)
    with worker(accountant.connector.id) as process:
        assert accountant.package.faults.hanging.wait(PATIENCE)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    accountant.package.faults.released.set()
    unanswered = accountant.document
    assert (unanswered.status, unanswered.attempts) == ("pending", 1)
    assert unanswered.asked_at is not None
    # Nobody else may send while the dead worker's request might still be on its way.
    assert accountant.send() == 0
    lease_ends(accountant)
    assert accountant.send() == 1
    assert accountant.document.status == "sent"
    assert [effect.total for effect in accountant.package.effects] == [12_50]


def test_two_workers_at_once_send_each_document_once(connects: Connects) -> None:
    accountant = connects("moneybird")
    for days_ago in range(1, 6):
        accountant.sells(10_00, days_ago=days_ago)
    accountant.fill()
    sent = at_once(*[lambda: send_documents.send(accountant.connector.id)] * 4)
    assert sorted(sent) == [0, 0, 0, 5]
    assert len(accountant.package.effects) == 5
    assert {document.status for document in accountant.documents()} == {"sent"}


def test_one_whose_lease_ended_sends_no_more(connects: Connects, monkeypatch: pytest.MonkeyPatch) -> None:
    accountant = connects("moneybird")
    accountant.sells(12_50)
    accountant.fill()
    looked = accountant.package._list

    def slow(request: object) -> object:
        """While one looks for our key its lease ends, and another one sends."""
        answer = looked(request)
        monkeypatch.setattr(accountant.package, "_list", looked)
        accountant.package.lock.release()  # other requests are answered meanwhile
        try:
            lease_ends(accountant)
            other = in_thread(lambda: send_documents.send(accountant.connector.id))
            other.join(PATIENCE)
        finally:
            accountant.package.lock.acquire()
        return answer

    monkeypatch.setattr(accountant.package, "_list", slow)
    assert send_documents.send(accountant.connector.id) == 0
    assert accountant.document.status == "sent"
    assert len(accountant.package.effects) == 1


def test_what_is_switched_off_meanwhile_is_not_sent(connects: Connects, monkeypatch: pytest.MonkeyPatch) -> None:
    accountant = connects("moneybird")
    accountant.sells(12_50)
    accountant.fill()
    looked = accountant.package._list

    def switched_off(request: object) -> object:
        connectors.switch(accountant.connector, on=False, actor="tests")
        return looked(request)

    monkeypatch.setattr(accountant.package, "_list", switched_off)
    assert accountant.send() == 0
    assert accountant.package.effects == []
    assert accountant.connector.status == "off"


def test_a_defect_of_ours_stands_in_the_failed_work_and_stops_no_other(connects: Connects) -> None:
    broken, other = connects("xero"), connects("moneybird")
    for accountant in (broken, other):
        accountant.sells(12_50)
        accountant.fill()
    broken.package._organisation = lambda request: (200, {"Organisations": []})
    Connector.objects.update(due_at=timezone.now())
    assert send_documents.send_due() == 1
    assert other.document.status == "sent"
    assert broken.document.status == "pending"


def test_a_lease_is_one_process_until_it_ends(connects: Connects) -> None:
    row = connects("moneybird").connector
    with connector_access.lease(row.id) as first, connector_access.lease(row.id) as second:
        assert first is not None
        assert second is None
    with connector_access.lease(row.id) as third:
        assert third is not None
