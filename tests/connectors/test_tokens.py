"""Refresh tokens that are good for one use: one process renews, stores, and only then uses what it got."""

import os
import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from payments.core.errors import Conflict, Forbidden
from payments.people.models import AuditLog
from reconciliation.models import Connector
from reconciliation.services import connector_sign_in, send_documents
from tests.connectors.conftest import Accountant, Connects, owner
from tests.connectors.stages import sign_in
from tests.connectors.test_crashes import PATIENCE, lease_ends
from tests.connectors.workers import worker
from tests.fake_books.faults import Fault
from tests.threads import at_once

ROTATE = pytest.mark.parametrize("code", ["exact_online", "xero"])
TOKEN = {"exact_online": "POST /api/oauth2/token", "xero": "POST /connect/token"}


def expires(accountant: Accountant) -> None:
    """The access token ends, here and there."""
    from reconciliation.connectors.base import Tokens
    from reconciliation.services import connector_access

    accountant.package.tokens.expire()
    row = Connector.objects.get(id=accountant.connector.id)
    known = connector_access._read(row.tokens)
    assert known is not None
    ended = Tokens(known.access, known.refresh, timezone.now())
    row.tokens = connector_access.written(ended)
    row.save(update_fields=["tokens"])


@ROTATE
def test_workers_at_once_renew_once(code: str, connects: Connects) -> None:
    accountant = connects(code)
    accountant.sells(12_50)
    accountant.fill()
    expires(accountant)
    sent = at_once(*[lambda: send_documents.send(accountant.connector.id)] * 4)
    assert sorted(sent) == [0, 0, 0, 1]
    assert accountant.package.tokens.refreshed == 1
    assert accountant.package.tokens.used == []


@ROTATE
def test_new_tokens_are_stored_before_they_are_used(code: str, connects: Connects) -> None:
    accountant = connects(code)
    accountant.sells(12_50)
    accountant.fill()
    expires(accountant)
    # The first request with the new token never comes back: by then it is stored.
    accountant.package.faults.plan("GET /", Fault.HANGS_DONE)
    with worker(accountant.connector.id) as process:
        assert accountant.package.faults.hanging.wait(PATIENCE)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    accountant.package.faults.released.set()
    lease_ends(accountant)
    assert accountant.send() == 1
    expires(accountant)
    accountant.sells(20_00)
    assert accountant.hand_over() == 1
    assert accountant.package.tokens.used == [], "no refresh token was used twice"
    assert len(accountant.package.effects) == 2


@ROTATE
def test_a_worker_killed_before_it_stored_them_asks_for_a_new_sign_in_and_loses_nothing(
    code: str, connects: Connects
) -> None:
    accountant = connects(code)
    accountant.sells(12_50)
    accountant.fill()
    expires(accountant)
    accountant.package.faults.plan(TOKEN[code], Fault.HANGS_DONE)
    with worker(accountant.connector.id) as process:
        assert accountant.package.faults.hanging.wait(PATIENCE)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    accountant.package.faults.released.set()
    lease_ends(accountant)
    assert accountant.send() == 0
    assert (accountant.connector.status, accountant.connector.error_code) == ("needs_sign_in", "sign_in_refused")
    assert accountant.document.status == "pending"
    assert accountant.send() == 0, "nobody tries again before a person has signed in"
    assert len(accountant.package.tokens.used) == 1
    sign_in(accountant.connector, accountant.package, owner(accountant.shop, "olga"))
    assert accountant.send() == 1
    assert [effect.total for effect in accountant.package.effects] == [12_50]


def test_a_refresh_that_is_too_early_is_no_end_of_the_sign_in(connects: Connects) -> None:
    accountant = connects("exact_online")
    accountant.sells(12_50)
    accountant.fill()
    accountant.package.faults.plan("GET /", Fault.TOKEN_EXPIRED)  # although it is good for minutes
    assert accountant.send() == 0
    assert (accountant.connector.status, accountant.connector.error_code) == ("failing", "refresh_refused")
    assert accountant.send() == 1
    assert accountant.package.tokens.used == []


def test_a_sign_in_ends_once_and_only_for_who_began_it(connects: Connects) -> None:
    accountant = connects("exact_online")
    otto, olga = owner(accountant.shop, "olaf"), owner(accountant.shop, "olga")
    address = connector_sign_in.begin(accountant.connector, user=otto)
    assert address.startswith(f"{accountant.package.url}/api/oauth2/auth?response_type=code&client_id=app&")
    state = address.partition("state=")[2].partition("&")[0]
    for wrong, user in ((state, olga), ("", otto), ("x" * 43, otto)):
        with pytest.raises(Forbidden) as refused:
            connector_sign_in.finish(state=wrong, code=accountant.package.tokens.code(), user=user)
        assert refused.value.code == "sign_in_state_unknown"
    connector_sign_in.finish(state=state, code=accountant.package.tokens.code(), user=otto)
    with pytest.raises(Forbidden):
        connector_sign_in.finish(state=state, code=accountant.package.tokens.code(), user=otto)
    assert AuditLog.objects.filter(action="connector.signed_in", actor=otto.id).count() == 1


def test_a_sign_in_that_took_too_long_or_brings_no_good_code_changes_nothing(connects: Connects) -> None:
    accountant = connects("xero")
    otto = owner(accountant.shop, "olaf")
    before = Connector.objects.get(id=accountant.connector.id).tokens
    state = connector_sign_in.begin(accountant.connector, user=otto).partition("state=")[2].partition("&")[0]
    with pytest.raises(Conflict) as refused:
        connector_sign_in.finish(state=state, code="stolen", user=otto)
    assert refused.value.code == "sign_in_failed"
    state = connector_sign_in.begin(accountant.connector, user=otto).partition("state=")[2].partition("&")[0]
    Connector.objects.update(sign_in_until=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Forbidden):
        connector_sign_in.finish(state=state, code=accountant.package.tokens.code(), user=otto)
    assert Connector.objects.get(id=accountant.connector.id).tokens == before


def test_a_package_without_people_has_no_sign_in(connects: Connects) -> None:
    accountant = connects("snelstart")
    with pytest.raises(Conflict) as refused:
        connector_sign_in.begin(accountant.connector, user=owner(accountant.shop))
    assert refused.value.code == "connector_without_sign_in"


def test_whoever_has_not_just_proved_who_they_are_begins_no_sign_in(connects: Connects) -> None:
    accountant = connects("exact_online")
    user = owner(accountant.shop, "olaf")
    user.second_factor_at = None
    with pytest.raises(Forbidden) as refused:
        connector_sign_in.begin(accountant.connector, user=user)
    assert refused.value.code == "second_factor_required"
