"""Keys that programs sign in with: shown once, recognized by one query, rolled with overlap, revoked for good."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.errors import Conflict, Forbidden, NotFound, Unauthenticated, ValidationFailed
from payments.people.models import ApiKey, AuditLog
from payments.people.scopes import SCOPES, spell_out
from payments.people.services import api_keys
from payments.people.services.api_keys import NewKey

pytestmark = pytest.mark.django_db

MERCHANT = "mer_00000000000000000000000001"
OTHER_MERCHANT = "mer_00000000000000000000000002"


def make(**values: Any) -> NewKey:
    given: dict[str, Any] = {"merchant_id": MERCHANT, "test_mode": True, "scopes": ["all"], "actor": "tests"} | values
    return api_keys.create(**given)


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question goes to the database, unless a test wants it remembered."""
    monkeypatch.setattr(api_keys, "REMEMBERED_SECONDS", 0.0)


def opens(text: str) -> bool:
    try:
        api_keys.verify(text)
    except Unauthenticated as refusal:
        if refusal.code != "invalid_api_key":
            raise
        return False
    return True


@pytest.mark.parametrize(("test_mode", "prefix"), [(True, "ot_test_"), (False, "ot_live_")])
def test_a_key_tells_its_mode_and_keeps_its_secret(test_mode: bool, prefix: str) -> None:
    new = make(test_mode=test_mode, channel_id="chn_1", scopes=["payments:read"], label="webshop")

    assert new.text.startswith(prefix)
    assert new.text not in repr(new)
    assert new.text not in str(ApiKey.objects.values())
    assert new.text not in str(AuditLog.objects.values())
    assert new.key.last_characters == new.text[-4:]
    caller = api_keys.verify(new.text)
    assert caller.actor == caller.key_id == new.key.id
    assert (caller.merchant_id, caller.channel_id, caller.test_mode) == (MERCHANT, "chn_1", test_mode)
    assert caller.scopes == ("payments:read",)


@pytest.mark.parametrize("text", ["", "ot_test_", "ot_test_" + "x" * 43, "é" * 50, "\ud800", "x" * 100_000, "key_1"])
def test_what_is_no_key_opens_nothing(text: str) -> None:
    make()
    assert not opens(text)


def test_another_mode_of_the_same_secret_opens_nothing() -> None:
    assert not opens(make().text.replace("ot_test_", "ot_live_"))


def test_recognizing_a_key_takes_one_query(django_assert_num_queries: Any) -> None:
    text = make().text
    api_keys.verify(text)
    with django_assert_num_queries(1):
        api_keys.verify(text)


def test_a_key_asked_for_again_at_once_takes_none(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "REMEMBERED_SECONDS", 2.0)
    new = make()
    api_keys.verify(new.text)
    with django_assert_num_queries(0):
        api_keys.verify(new.text)
    api_keys.revoke(key_id=new.key.id, merchant_id=MERCHANT, actor="tests")
    assert not opens(new.text)


def test_what_another_process_revoked_opens_nothing_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "REMEMBERED_SECONDS", 2.0)
    new = make()
    api_keys.verify(new.text)
    ApiKey.objects.update(revoked_at=timezone.now())
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2.1)
    assert not opens(new.text)


def test_use_is_noted_to_the_hour(django_assert_num_queries: Any) -> None:
    new = make()
    api_keys.verify(new.text)
    new.key.refresh_from_db()
    first = new.key.last_used_at
    assert first is not None
    api_keys.verify(new.text)
    new.key.refresh_from_db()
    assert new.key.last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(hours=2))
    api_keys.verify(new.text)
    new.key.refresh_from_db()
    assert new.key.last_used_at > first


def test_a_key_expires() -> None:
    new = make(expires_at=timezone.now() + timedelta(minutes=1))
    assert opens(new.text)
    ApiKey.objects.update(expires_at=timezone.now())
    assert not opens(new.text)


def test_rolling_overlaps() -> None:
    old = make(channel_id="chn_1", scopes=["refunds:write"], label="till")
    new = api_keys.roll(key_id=old.key.id, merchant_id=MERCHANT, actor="tests")

    assert opens(old.text)
    assert opens(new.text)
    assert (new.key.channel_id, new.key.scopes, new.key.label) == ("chn_1", ["refunds:read", "refunds:write"], "till")
    old.key.refresh_from_db()
    assert old.key.expires_at is not None
    assert timedelta(hours=23) < old.key.expires_at - timezone.now() <= timedelta(hours=24)
    ApiKey.objects.filter(id=old.key.id).update(expires_at=timezone.now())
    assert not opens(old.text)
    assert opens(new.text)


def test_rolling_never_lengthens_a_life() -> None:
    soon = timezone.now() + timedelta(minutes=5)
    old = make(expires_at=soon)
    api_keys.roll(key_id=old.key.id, merchant_id=MERCHANT, actor="tests")
    old.key.refresh_from_db()
    assert old.key.expires_at == soon


def test_a_revoked_key_opens_nothing_and_is_not_rolled() -> None:
    new = make()
    first = api_keys.revoke(key_id=new.key.id, merchant_id=MERCHANT, actor="tests").revoked_at
    assert api_keys.revoke(key_id=new.key.id, merchant_id=MERCHANT, actor="tests").revoked_at == first
    assert not opens(new.text)
    with pytest.raises(Conflict):
        api_keys.roll(key_id=new.key.id, merchant_id=MERCHANT, actor="tests")
    assert [log.action for log in AuditLog.objects.order_by("id")] == ["api_key.created", "api_key.revoked"]


def test_nobody_revokes_another_merchants_key() -> None:
    new = make()
    for act in (api_keys.revoke, api_keys.roll):
        with pytest.raises(NotFound):
            act(key_id=new.key.id, merchant_id=OTHER_MERCHANT, actor="tests")
    assert opens(new.text)


def test_writing_includes_reading_and_no_more() -> None:
    assert spell_out(["refunds:write", "ledger:read"]) == ["refunds:read", "refunds:write", "ledger:read"]
    assert spell_out(["accounts:write"]) == ["accounts:read", "accounts:write"]
    assert spell_out(["all"]) == list(SCOPES)
    caller = api_keys.verify(make(scopes=["refunds:write"]).text)
    caller.require("refunds:read")
    with pytest.raises(Forbidden) as refused:
        caller.require("payments:read")
    assert (refused.value.code, refused.value.members) == ("scope_missing", {"scope": "payments:read"})
    assert "payments:read" in refused.value.detail


@pytest.mark.parametrize("scopes", [[], ["payments"], ["ledger:write"], ["payments:read", "everything"]])
def test_a_scope_that_does_not_exist_is_refused(scopes: list[str]) -> None:
    with pytest.raises(ValidationFailed):
        make(scopes=scopes)
    assert not ApiKey.objects.exists()
