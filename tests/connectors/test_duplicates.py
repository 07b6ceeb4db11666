"""What stands in the package under our key already: found, told apart, and left to a person where it is not right."""

import copy

import pytest

from payments.core.errors import Conflict
from payments.people.models import AuditLog
from reconciliation.services import connector_outbox
from tests.connectors.conftest import Connects
from tests.fake_books.faults import Fault


def test_what_stands_there_twice_is_named_and_not_sent_again(connects: Connects) -> None:
    accountant = connects("moneybird")
    accountant.sells(10_00)
    accountant.fill()
    accountant.package.faults.plan("POST /123456789/documents", Fault.DROPPED_DONE)
    accountant.send()
    twin = copy.deepcopy(accountant.package.documents[0]) | {"id": "999"}
    accountant.package.documents.append(twin)
    assert accountant.send() == 0
    failed = accountant.document
    assert (failed.status, failed.error_code) == ("failed", "sent_twice")
    assert "999" in failed.error_detail
    connector_outbox.send_now(accountant.connector, actor="tests")
    assert accountant.document.status == "failed", "only a person who looked decides about this one"
    accountant.package.documents.remove(twin)
    connector_outbox.send_again(failed, actor="tests")
    assert accountant.send() == 1
    assert len(accountant.package.effects) == 1


def test_what_was_changed_there_is_named_and_a_person_marks_it_as_sent(connects: Connects) -> None:
    accountant = connects("exact_online")
    accountant.sells(10_00)
    accountant.fill()
    accountant.package.faults.plan("POST /api/v1/654321/generaljournalentry", Fault.DROPPED_DONE)
    accountant.send()
    for line in accountant.package.entries[0]["GeneralJournalEntryLines"]:
        line["AmountFC"] = line["AmountFC"] * 2
    assert accountant.send() == 0
    failed = accountant.document
    assert (failed.status, failed.error_code) == ("failed", "differs_there")
    connector_outbox.mark_sent(failed, remote_id="MEMO 7", actor="tests")
    assert (failed.status, failed.remote_id) == ("sent", "MEMO 7")
    assert AuditLog.objects.get(action="connector.marked_sent").after == {"key": failed.key, "remote_id": "MEMO 7"}
    with pytest.raises(Conflict, match="did not fail"):
        connector_outbox.mark_sent(failed, remote_id="MEMO 8", actor="tests")


def test_a_database_that_was_restored_sends_nothing_twice(connects: Connects) -> None:
    accountant = connects("xero")
    accountant.sells(10_00)
    accountant.hand_over()
    sent = accountant.document
    accountant.connector.documents.update(
        status="pending", remote_id="", sent_at=None, attempts=0, due_at=sent.created_at
    )
    assert accountant.send() == 1
    assert accountant.document.remote_id == sent.remote_id
    assert len(accountant.package.effects) == 1
