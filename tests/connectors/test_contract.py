"""Every connector of the registry, against the fake of its package: books once, finds it again, says what is wrong."""

import pytest
from django.conf import settings

from reconciliation.services import connector_outbox, send_documents
from tests.connectors.conftest import Connects
from tests.connectors.stages import STAGES
from tests.fake_books.faults import Fault

every = pytest.mark.parametrize("code", settings.CONNECTORS)
WRITES = {
    "moneybird": "POST /123456789/documents",
    "snelstart": "POST /memoriaalboekingen",
    "exact_online": "POST /api/v1/654321/generaljournalentry",
    "eboekhouden": "POST /v1/mutation",
    "xero": "PUT /api.xro/2.0/ManualJournals",
}


def test_every_connector_has_a_stage() -> None:
    assert set(STAGES) == set(settings.CONNECTORS) == set(WRITES)


@every
def test_a_day_is_one_journal_under_our_key(code: str, connects: Connects) -> None:
    accountant = connects(code)
    sale = accountant.sells(12_50)
    accountant.sells(7_50)
    accountant.gives_back(sale, 2_50)
    assert accountant.hand_over() == 1
    document = accountant.document
    assert (document.status, document.attempts, document.entries) == ("sent", 1, 4)
    (effect,) = accountant.package.effects
    # 20.00 sold; 2.50 given back: accepted, and paid at once.
    assert (effect.key, effect.total) == (document.key, 25_00)
    assert accountant.connector.status == "connected"
    assert accountant.package.wrong == []


@every
@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_DONE, Fault.UNREADABLE_DONE])
def test_what_was_accepted_without_an_answer_is_found_and_not_sent_again(
    code: str, fault: Fault, connects: Connects
) -> None:
    accountant = connects(code)
    accountant.sells(12_50)
    accountant.fill()
    accountant.package.faults.plan(WRITES[code], fault)
    assert accountant.send() == 0
    assert (accountant.document.status, accountant.document.error_code) == ("pending", "no_answer")
    assert accountant.document.asked_at is not None
    assert accountant.connector.status == "failing"
    assert accountant.send() == 1
    assert (accountant.document.status, accountant.document.attempts) == ("sent", 2)
    assert len(accountant.package.effects) == 1
    assert accountant.connector.status == "connected"


@every
@pytest.mark.parametrize("fault", [Fault.DROPPED_NOT_DONE, Fault.ERROR_NOT_DONE])
def test_what_was_not_accepted_is_sent_again(code: str, fault: Fault, connects: Connects) -> None:
    accountant = connects(code)
    accountant.sells(12_50)
    accountant.fill()
    accountant.package.faults.plan(WRITES[code], fault)
    assert accountant.send() == 0
    assert accountant.send() == 1
    assert [effect.total for effect in accountant.package.effects] == [12_50]


@every
def test_a_package_that_limits_requests_is_left_alone_as_long_as_it_says(code: str, connects: Connects) -> None:
    accountant = connects(code)
    accountant.sells(12_50)
    accountant.fill()
    accountant.package.faults.plan(WRITES[code], Fault.RATE_LIMITED)
    assert accountant.send() == 0
    assert accountant.connector.status == "connected"
    assert accountant.connector.error_code == "rate_limited"
    assert accountant.connector.due_at is not None
    request = len(accountant.package.received)
    assert send_documents.send_due() == 0
    assert len(accountant.package.received) == request
    assert accountant.send() == 1
    assert len(accountant.package.effects) == 1


@every
def test_an_access_token_that_ended_is_renewed_and_the_document_sent(code: str, connects: Connects) -> None:
    accountant = connects(code)
    accountant.sells(12_50)
    accountant.fill()
    if code == "exact_online":  # it takes no refresh before the end
        accountant.package.tokens.early = None
    accountant.package.faults.plan(WRITES[code], Fault.TOKEN_EXPIRED)
    assert accountant.send() == 1
    assert len(accountant.package.effects) == 1


@every
def test_an_account_that_the_package_does_not_know_fails_the_day_and_no_other(code: str, connects: Connects) -> None:
    accountant = connects(code)
    accountant.sells(12_50, days_ago=2)
    tips = accountant.package.accounts.pop("2030")
    accountant.sells(10_00, days_ago=1, tip=1_00)
    assert accountant.hand_over() == 1
    sent, failed = accountant.documents()
    assert (sent.status, failed.status) == ("sent", "failed")
    assert "2030" in failed.error_detail
    assert accountant.connector.status == "failing"
    accountant.package.accounts["2030"] = tips
    connector_outbox.send_now(accountant.connector, actor="tests")
    assert accountant.send() == 1
    assert [effect.total for effect in accountant.package.effects] == [12_50, 10_00]


@every
def test_wrong_credentials_ask_for_a_person(code: str, connects: Connects) -> None:
    accountant = connects(code)
    accountant.sells(12_50)
    for name in ("token", "client_key", "access_token"):
        if hasattr(accountant.package, name):
            setattr(accountant.package, name, "another")
    if STAGES[code].signs_in:
        accountant.package.tokens.expire()
        accountant.package.tokens.refresh = "another"
    assert accountant.hand_over() == 0
    assert accountant.connector.status == "needs_sign_in"
    assert accountant.document.status == "pending"
    assert accountant.package.effects == []
