"""Signing in at Mollie and reading its lists: what is wrong is said in words, and nothing is read without an end."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings

from payments.core.money import Money
from payments.providers.base import Credentials, Outcome, ProviderRequest, Verb
from payments.providers.mollie.provider import Mollie
from reconciliation.sources.base import SourceUnavailable
from reconciliation.sources.mollie import MollieSettlements
from tests.contracts.stages import STAGES, call
from tests.fake_mollie.books import Books, link
from tests.fake_mollie.server import FakeMollie


@pytest.fixture
def books(fake_mollie: FakeMollie) -> Books:
    return fake_mollie.account("bloem")


def account(secrets: dict[str, str], *, test_mode: bool | None = True) -> Credentials:
    return Credentials("pac_1", "mollie", "EUR", secrets=secrets, test_mode=test_mode)


def test_both_keys_are_tried(books: Books, fake_mollie: FakeMollie) -> None:
    assert Mollie().try_connection(account(books.secrets)).outcome is Outcome.SUCCEEDED
    assert [row.endpoint for row in fake_mollie.received] == ["GET /v2/methods", "GET /v2/settlements"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"api_key": "test_revoked" + "x" * 30}, "provider_authentication_failed"),
        ({"organization_token": "access_revoked"}, "provider_authentication_failed"),
        ({"api_key": "live_bloem" + "x" * 30}, "credentials_of_other_mode"),
        ({"api_key": "sk_test_1"}, "credentials_missing"),
        ({"api_key": "test_\n"}, "credentials_missing"),
        ({"settlements_in_test_mode": ""}, "credentials_of_other_mode"),
    ],
)
def test_a_key_that_is_wrong_is_told(books: Books, wrong: dict[str, str], code: str) -> None:
    result = Mollie().try_connection(account({**books.secrets, **wrong}))
    assert (result.outcome, result.code) == (Outcome.DECLINED, code)
    assert result.detail


def test_a_test_merchant_reads_no_live_settlement_unless_somebody_said_so(
    books: Books, fake_mollie: FakeMollie
) -> None:
    silent = account({**books.secrets, "settlements_in_test_mode": ""})
    with pytest.raises(SourceUnavailable, match="test mode"):
        MollieSettlements().look("1234567.2612.01", silent)
    assert MollieSettlements().recent(silent, datetime.now(UTC)) == []
    assert fake_mollie.received == []


def test_a_mollie_out_of_reach_is_no_wrong_key(books: Books, settings: LazySettings) -> None:
    settings.MOLLIE_API_BASE = "http://127.0.0.1:9"
    one, request = Mollie(), call(STAGES["mollie"])
    assert one.try_connection(account(books.secrets)).outcome is Outcome.UNKNOWN
    assert one.execute(request, account(books.secrets)).outcome is Outcome.NOT_SENT
    assert one.fetch(request, account(books.secrets)).outcome is Outcome.UNKNOWN
    assert one.look_up("tr_1", account(books.secrets)) is None


@pytest.mark.parametrize("address", ["https://api.mollie.com/v2/payments", "https://api.mollie.com/v2/payments?from="])
def test_a_list_that_leads_nowhere_is_no_answer(
    books: Books, fake_mollie: FakeMollie, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Whether there is more is not known: it must neither go on for ever, nor count as having found nothing."""
    route = fake_mollie.routes["GET /v2/payments"]

    def listed(request: Any) -> Any:
        return {**route.handler(request), "_links": {"next": link(address, "text/html")}}

    monkeypatch.setitem(fake_mollie.routes, "GET /v2/payments", type(route)(listed, route.origin))
    request = ProviderRequest("op_06h2wrz4jw001sk8vwkvfs6n0w", Verb.SALE, Money(10_00, "EUR"), "pay_1")
    assert Mollie().fetch(request, account(books.secrets)).outcome is Outcome.UNKNOWN
