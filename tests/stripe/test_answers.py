"""Every way in which Stripe answers, or does not, is one of five outcomes; and each call is made with due care."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest
import stripe
from django.conf import settings

from payments.core.ids import made_at, new_id
from payments.core.money import Money
from payments.providers.base import Credentials, Outcome, ProviderRequest, Verb
from payments.providers.stripe import client as clients
from payments.providers.stripe import translate
from payments.providers.stripe.amounts import NotRepresentable, from_stripe, limit_passed, to_stripe
from payments.providers.stripe.provider import Stripe
from payments.providers.stripe.requests import statement_text
from payments.services.submit import LEASE
from tests.contracts.stages import STAGES, account_of, call
from tests.fake_stripe import afterwards
from tests.fake_stripe.books import Books
from tests.fake_stripe.faults import Fault
from tests.fake_stripe.server import FakeStripe

U, N, D = Outcome.UNKNOWN, Outcome.NOT_SENT, Outcome.DECLINED
STRIPE = Stripe()
STAGE = STAGES["stripe"]
# What the SDK can raise, and what it means; a class that a new SDK adds fails the test below until it is judged.
MEANINGS: Final = {
    "CardError": D,
    "InvalidRequestError": D,
    "AuthenticationError": N,
    "PermissionError": N,
    "RateLimitError": N,
    **dict.fromkeys(("StripeError", "StripeErrorWithParamCode", "APIError", "APIConnectionError"), U),
    **dict.fromkeys(("IdempotencyError", "SignatureVerificationError"), U),
}
# Of Stripe's second API and of signing in with OAuth, which we do not use: what we cannot judge decides nothing.
NOT_PROVOKED: Final = frozenset(
    [
        "AlreadyCanceledError",
        "BlockedByStripeError",
        "CannotProceedError",
        "CapabilityNotEnabledError",
        "ControlledByAlternateResourceError",
        "FeatureNotEnabledError",
        "FinancialAccountNotOpenError",
        "FxQuoteNeedsRefreshError",
        "InsufficientFundsError",
        "InvalidPaymentMethodError",
        "InvalidPayoutMethodError",
        "InvalidVaultedCredentialError",
        "NotCancelableError",
        "QuotaExceededError",
        "RecipientNotNotifiableError",
        "TemporarySessionExpiredError",
        "VerificationAttemptFailedError",
        "VerificationExpiredError",
        "VerificationNotInitiatedError",
    ]
)


@pytest.fixture
def account(fake_stripe: FakeStripe) -> Credentials:
    return account_of("stripe", STRIPE)


@pytest.fixture
def books(fake_stripe: FakeStripe, account: Credentials) -> Books:
    return fake_stripe.account(account.secrets["secret_key"])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(clients, "READ_SECONDS", 0.3)
    yield
    clients._client.cache_clear()


def raised_by_the_sdk() -> Iterator[type[stripe.StripeError]]:
    """Every exception class of the SDK, wherever in it."""
    waiting: list[type[stripe.StripeError]] = [stripe.StripeError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        yield kind


def test_every_exception_of_the_sdk_has_a_meaning() -> None:
    seen = set()
    for kind in raised_by_the_sdk():
        name = kind.__name__
        unused = name in NOT_PROVOKED or "oauth" in kind.__module__
        assert unused or name in MEANINGS, f"judge {name} in translate.py and here"
        error = kind.__new__(kind)
        stripe.StripeError.__init__(error, "said")
        result = translate.from_exception(error)
        assert (result.outcome, bool(result.code)) == (U if unused else MEANINGS[name], True), name
        seen.add(name)
    assert MEANINGS.keys() <= seen


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (httpx.ConnectError("refused"), N),
        (httpx.ConnectTimeout("slow"), N),
        (httpx.PoolTimeout("full"), N),
        (httpx.ReadTimeout("slow"), U),
        (httpx.WriteTimeout("slow"), U),
        (httpx.RemoteProtocolError("gone"), U),
        (httpx.ReadError("reset"), U),
        (None, U),
    ],
)
def test_only_what_never_connected_was_not_sent(cause: Exception | None, outcome: Outcome) -> None:
    error = stripe.APIConnectionError("no connection")  # type: ignore[no-untyped-call]  # stripe left it untyped
    error.__cause__ = cause
    assert translate.from_exception(error).outcome is outcome


@pytest.mark.parametrize(
    ("fault", "answer", "found", "moved"),
    [
        (Fault.TIMEOUT_DONE, U, Outcome.SUCCEEDED, 1),
        (Fault.DROPPED_DONE, U, Outcome.SUCCEEDED, 1),
        (Fault.ERROR_DONE, U, Outcome.SUCCEEDED, 1),
        (Fault.TIMEOUT_NOT_DONE, U, N, 0),
        (Fault.DROPPED_NOT_DONE, U, N, 0),
        (Fault.ERROR_NOT_DONE, U, N, 0),
        (Fault.ERROR_KEPT, U, N, 0),
        (Fault.UNREADABLE, U, N, 0),
        (Fault.KEY_IN_USE, U, N, 0),
        (Fault.RATE_LIMITED, N, N, 0),
        (Fault.LOCK_TIMEOUT, N, N, 0),
        (Fault.NO_PERMISSION, N, N, 0),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_each_way_to_break_a_refund(
    fake_stripe: FakeStripe,
    account: Credentials,
    books: Books,
    fault: Fault,
    answer: Outcome,
    found: Outcome,
    moved: int,
) -> None:
    paid = STRIPE.execute(call(STAGE), account)
    back = call(STAGE, Verb.REFUND, 12_00, payment_reference=paid.payment_reference)
    fake_stripe.faults.plan(fault)
    assert STRIPE.execute(back, account).outcome is answer
    assert STRIPE.fetch(back, account).outcome is found
    assert [effect.verb for effect in books.effects][1:] == ["refund"] * moved
    if fault is not Fault.ERROR_KEPT:
        STRIPE.execute(back, account)
        assert [effect.verb for effect in books.effects][1:] == ["refund"]


@pytest.mark.usefixtures("impatient")
def test_the_sdk_gives_up_by_itself_and_asks_once(fake_stripe: FakeStripe, account: Credentials) -> None:
    fake_stripe.faults.silence = 2.0
    fake_stripe.faults.plan(Fault.SLOW)
    request = call(STAGE)
    assert STRIPE.execute(request, account).code == "no_answer"
    assert [each.key for each in fake_stripe.received] in ([], [request.operation_id])


def test_a_slow_request_that_arrives_after_the_second_is_done_once(
    fake_stripe: FakeStripe, account: Credentials, books: Books
) -> None:
    paid = STRIPE.execute(call(STAGE), account)
    back = call(STAGE, Verb.REFUND, 12_00, payment_reference=paid.payment_reference)
    fake_stripe.faults.silence = 0.5
    fake_stripe.faults.plan(Fault.SLOW)
    assert STRIPE.execute(back, account).outcome is U
    assert STRIPE.fetch(back, account).outcome is Outcome.SUCCEEDED
    assert STRIPE.execute(back, account).outcome is Outcome.SUCCEEDED
    assert [effect.verb for effect in books.effects] == ["charge", "refund"]


def test_the_key_is_the_operation_and_nothing_is_repeated_by_the_sdk(
    fake_stripe: FakeStripe, account: Credentials
) -> None:
    request = call(STAGE)
    fake_stripe.faults.plan(Fault.ERROR_NOT_DONE)
    STRIPE.execute(request, account)
    STRIPE.execute(request, account)
    STRIPE.fetch(request, account)
    posts = [each for each in fake_stripe.received if each.endpoint.startswith("POST")]
    assert [each.key for each in posts] == [request.operation_id] * 2
    assert all(each.key is None for each in fake_stripe.received if each.endpoint.startswith("GET"))


def test_timeouts_are_shorter_than_the_lease_of_an_operation() -> None:
    assert LEASE.total_seconds() > clients.CONNECT_SECONDS + clients.READ_SECONDS


def test_while_asking_no_failure_is_more_than_unknown(fake_stripe: FakeStripe, account: Credentials) -> None:
    request = call(STAGE)
    STRIPE.execute(request, account)
    for fault in (Fault.RATE_LIMITED, Fault.NO_PERMISSION, Fault.ERROR_NOT_DONE, Fault.DROPPED_NOT_DONE):
        fake_stripe.faults.plan(fault)
        assert STRIPE.fetch(request, account).outcome is U
    assert STRIPE.fetch(request, account).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("key", "code"),
    [("sk_test_revoked1", "provider_authentication_failed"), ("sk_test_restricted1", "provider_permission_denied")],
)
def test_a_key_that_may_not_is_not_sent(fake_stripe: FakeStripe, account: Credentials, key: str, code: str) -> None:
    bad = replace(account, secrets={"secret_key": key})
    result = STRIPE.execute(call(STAGE), bad)
    assert (result.outcome, result.code) == (N, code)


@pytest.mark.parametrize(
    ("test_mode", "key", "code"),
    [
        (True, "sk_live_a", "credentials_of_other_mode"),
        (True, "rk_live_a", "credentials_of_other_mode"),
        (False, "sk_test_a", "credentials_of_other_mode"),
        (True, "", "credentials_missing"),
        (True, "sk_test_é", "credentials_missing"),
    ],
)
def test_a_key_of_the_other_mode_is_never_used(
    fake_stripe: FakeStripe, account: Credentials, test_mode: bool, key: str, code: str
) -> None:
    bad = replace(account, secrets={"secret_key": key}, test_mode=test_mode)
    result = STRIPE.execute(call(STAGE), bad)
    assert (result.outcome, result.code) == (N, code)
    assert STRIPE.fetch(call(STAGE), bad).outcome is U
    assert fake_stripe.received == []


def test_accounts_stand_side_by_side(fake_stripe: FakeStripe) -> None:
    own = [account_of("stripe", STRIPE) for _ in range(3)]
    connected = replace(own[0], secrets={**own[0].secrets, "stripe_account": "acct_connected"})
    for at, account in enumerate([*own, connected]):
        STRIPE.execute(call(STAGE, amount=10_50 + at), account)
    amounts = [fake_stripe.account(each.secrets["secret_key"]).effects[0].amount for each in own]
    assert amounts == [10_50, 10_51, 10_52]
    assert [effect.amount for effect in fake_stripe.accounts["acct_connected"].effects] == [10_53]
    assert stripe.api_key is None


def test_nothing_secret_is_logged(
    fake_stripe: FakeStripe, account: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    STRIPE.execute(call(STAGE, customer_email="anna@example.org"), account)
    STRIPE.execute(call(STAGE, amount=12_01, metadata={}, customer_email="anna@example.org"), account)
    assert account.secrets["secret_key"] not in caplog.text
    assert "anna@example.org" not in caplog.text
    assert "_secret_" not in caplog.text
    assert account.secrets["secret_key"] not in repr(account)


def test_what_stripe_would_refuse_for_certain_is_not_asked(fake_stripe: FakeStripe, account: Credentials) -> None:
    too_small = STRIPE.execute(call(STAGE, amount=49), account)
    assert (too_small.outcome, too_small.code) == (D, "amount_too_small")
    nowhere = STRIPE.execute(call(STAGE, metadata={}, return_url=None), account)
    assert (nowhere.outcome, nowhere.code) == (D, "return_url_required")
    unnamed = STRIPE.execute(call(STAGE, Verb.REFUND), account)
    assert (unnamed.outcome, unnamed.code) == (D, "payment_unknown_to_provider")
    assert fake_stripe.received == []


@pytest.mark.parametrize(
    ("amount", "currency", "at_stripe"),
    [(12_50, "EUR", 12_50), (500, "JPY", 500), (500, "ISK", 500_00), (500, "UGX", 500_00), (1_230, "KWD", 1_230)],
)
def test_amounts_as_stripe_writes_them(amount: int, currency: str, at_stripe: int) -> None:
    assert to_stripe(Money(amount, currency)) == at_stripe
    assert from_stripe(at_stripe, currency.lower()) == Money(amount, currency)


def test_amounts_that_stripe_cannot_write() -> None:
    for money in (Money(1_235, "KWD"), Money(125, "MGA")):
        with pytest.raises(NotRepresentable):
            to_stripe(money)
    assert limit_passed(Money(49, "EUR")) is not None
    assert limit_passed(Money(50, "EUR")) is None
    assert limit_passed(Money(100_000_000, "EUR")) is not None
    assert limit_passed(Money(100_000_000, "JPY")) is None


@pytest.mark.parametrize(
    ("reference", "shown"),
    [("W-1001", "W-1001"), ("1001", "Order 1001"[:10]), ("<script>", "script"), ("a", None), ("Ünï*cødé'", "n c d")],
)
def test_what_a_bank_may_print(reference: str, shown: str | None) -> None:
    assert statement_text(reference, 10) == shown


@pytest.mark.parametrize("token", ["pm_card_visa", "ctoken_anna"])
def test_both_kinds_of_tokens_pay(account: Credentials, token: str) -> None:
    result = STRIPE.execute(call(STAGE, metadata={"stripe_token": token}), account)
    assert result.outcome is Outcome.SUCCEEDED
    assert result.card is not None
    assert (result.card.brand, result.card.last4) == ("visa", "4242")


@pytest.mark.parametrize("method", ["card", "ideal", "bancontact", "sepa_debit", "klarna", None])
def test_every_method_sends_the_customer_somewhere(account: Credentials, books: Books, method: str | None) -> None:
    request = call(STAGE, method=method, metadata={})
    result = STRIPE.execute(request, account)
    assert (result.outcome, str(result.redirect_url).startswith(books.base)) == (Outcome.PENDING, True)
    assert STRIPE.fetch(request, account) == result
    assert books.effects == []
    afterwards.pay(books, str(result.reference))
    found = STRIPE.fetch(replace(request, operation_reference=result.reference), account)
    assert found.outcome is (Outcome.PENDING if method == "sepa_debit" else Outcome.SUCCEEDED)


def test_a_page_nobody_paid_on_can_be_canceled(account: Credentials, books: Books) -> None:
    request = call(STAGE, metadata={})
    page = STRIPE.execute(request, account)
    cancel = call(STAGE, Verb.CANCEL, payment_reference=page.payment_reference)
    assert STRIPE.execute(cancel, account).outcome is Outcome.SUCCEEDED
    assert STRIPE.fetch(cancel, account).outcome is Outcome.SUCCEEDED
    ended = STRIPE.fetch(replace(request, operation_reference=page.reference), account)
    assert (ended.outcome, ended.code) == (D, "expired")
    assert books.effects == []


def test_a_payment_is_found_among_very_many(account: Credentials, books: Books) -> None:
    request = call(STAGE)
    STRIPE.execute(request, account)
    for _ in range(250):
        books.add("pi", amount=50, currency="eur", metadata={}, status="succeeded", latest_charge=None)
    assert STRIPE.fetch(request, account).outcome is Outcome.SUCCEEDED


def test_a_charge_older_than_any_request_was_never_received(account: Credentials) -> None:
    old = ProviderRequest(new_id("op"), Verb.SALE, Money(12_50, "EUR"), new_id("pay"), "card", **dict(STAGE.asked))
    assert made_at(old.operation_id) > datetime.now(UTC) - timedelta(minutes=1)
    assert STRIPE.fetch(old, account).code == "not_found_yet"
    page = replace(old, metadata={})
    assert STRIPE.fetch(page, account).outcome is N


def test_settings_name_where_stripe_is(fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "STRIPE_API_BASE", "http://127.0.0.1:9")
    account: Any = account_of("stripe", STRIPE)
    assert STRIPE.execute(call(STAGE), account).outcome is N
    assert STRIPE.fetch(call(STAGE), account).outcome is U
