"""Every provider of the registry keeps the contract of payments/providers/base.py."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from payments.core.errors import ValidationFailed
from payments.providers import registry
from payments.providers.base import Outcome, Provider, SignatureInvalid, Verb
from tests.contracts.stages import STAGES, Stage, account_of, call, credentials, signed
from tests.fake_paynl.server import FakePayNl
from tests.fake_stripe.server import FakeStripe

pytestmark = pytest.mark.usefixtures("simulator", "fake_stripe", "fake_paynl", "fake_mollie", "fake_adyen")
BODY = b'{"id":"evt_1","type":"something"}'


@pytest.fixture(params=sorted(settings.PROVIDERS))
def code(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def provider(code: str) -> Provider:
    return registry.provider(code)


@pytest.fixture
def stage(code: str) -> Stage:
    return STAGES[code]


@pytest.fixture
def fakes(fake_paynl: FakePayNl, fake_stripe: FakeStripe) -> dict[str, Any]:
    return {"paynl": fake_paynl, "stripe": fake_stripe}


def those(able: Callable[[Stage], bool]) -> list[str]:
    """The providers that can do what a test is about."""
    return [code for code, stage in STAGES.items() if able(stage)]


def knows_keys(code: str) -> bool:
    """Whether a provider recognizes the same operation. If not, nobody may send it twice."""
    return registry.provider(code).capabilities.keys_live != timedelta(0)


WITH_KEYS = [code for code in STAGES if knows_keys(code)]
CAN_FETCH = [code for code in STAGES if registry.provider(code).capabilities.can_fetch]


def test_every_provider_has_a_stage() -> None:
    assert STAGES.keys() == settings.PROVIDERS.keys(), "add a stage to tests/contracts/stages.py"


def test_is_registered_under_its_own_code_and_made_once(code: str, provider: Provider) -> None:
    assert provider.code == code
    assert registry.provider(code) is provider
    assert registry.providers()[code] is provider


def test_an_unknown_provider_is_refused_by_name_of_the_field() -> None:
    with pytest.raises(ValidationFailed) as refusal:
        registry.provider("nobody")
    [fault] = refusal.value.faults
    assert (fault.code, fault.param) == ("provider_unknown", "provider")
    assert "simulator" in refusal.value.detail


def test_promises_nothing_about_methods_it_does_not_take(provider: Provider) -> None:
    can = provider.capabilities
    assert can.methods
    assert can.refund_methods <= can.methods
    assert can.redirect_methods <= can.methods
    assert can.manual_capture_methods <= can.methods
    assert can.manual_capture_methods or not can.multiple_captures


@pytest.mark.parametrize(("code", "outcome"), [(code, outcome) for code in STAGES for outcome in STAGES[code].amounts])
def test_comes_to_each_outcome_it_can_have_without_raising(
    code: str, provider: Provider, stage: Stage, outcome: Outcome, fakes: dict[str, Any]
) -> None:
    account = account_of(code, provider)
    if outcome in stage.faults:
        fakes[code].faults.plan(stage.faults[outcome])
    result = provider.execute(call(stage, amount=stage.amounts[outcome]), account)
    assert result.outcome is outcome
    if outcome is Outcome.SUCCEEDED:
        assert result.reference
        assert result.payment_reference
    else:
        assert result.code or outcome is Outcome.PENDING


@pytest.mark.parametrize("code", WITH_KEYS)
def test_the_same_operation_is_the_same_answer(code: str, provider: Provider, stage: Stage) -> None:
    account = account_of(code, provider)
    for amount in stage.amounts.values():
        request = call(stage, amount=amount)
        provider.execute(request, account)
        again = provider.execute(request, account)
        assert provider.execute(request, account) == again


@pytest.mark.parametrize("code", CAN_FETCH)
def test_fetch_tells_what_execute_told(code: str, provider: Provider, stage: Stage) -> None:
    account = account_of(code, provider)
    for outcome in (Outcome.SUCCEEDED, Outcome.PENDING):
        if outcome in stage.amounts:
            request = call(stage, amount=stage.amounts[outcome])
            told = provider.execute(request, account)
            if not knows_keys(code):  # it can be asked by its own name alone
                request = replace(request, operation_reference=told.reference, payment_reference=told.payment_reference)
            assert provider.fetch(request, account) == told


def test_fetch_of_what_was_never_asked(code: str, provider: Provider, stage: Stage) -> None:
    account = account_of(code, provider)
    assert provider.fetch(call(stage), account).outcome is stage.unseen


@pytest.mark.parametrize(("code", "verb"), [(code, verb) for code in STAGES for verb in STAGES[code].refuses])
def test_refuses_what_it_cannot_do_as_a_result(code: str, provider: Provider, stage: Stage, verb: Verb) -> None:
    result = provider.execute(call(stage, verb), account_of(code, provider))
    assert (result.outcome, result.code) == (Outcome.DECLINED, "not_supported")
    assert result.detail


@pytest.mark.parametrize("code", [code for code in WITH_KEYS if Verb.REFUND not in STAGES[code].refuses])
def test_a_refund_is_idempotent_too(code: str, provider: Provider, stage: Stage) -> None:
    account = account_of(code, provider)
    sale = provider.execute(call(stage), account)
    stage.pay(sale)
    back = call(stage, Verb.REFUND, payment_reference=sale.payment_reference)
    first = provider.execute(back, account)
    assert first.outcome is stage.refund
    assert provider.execute(back, account) == first


@pytest.mark.parametrize("code", those(lambda stage: stage.sign is not None))
def test_accepts_what_its_account_signed(code: str, provider: Provider, stage: Stage) -> None:
    account = account_of(code, provider)
    assert stage.sign is not None
    body, name = stage.event
    assert provider.verify(body, stage.sign(account.secrets[stage.secret], body), account) == name


@pytest.mark.parametrize("code", those(lambda stage: stage.sign is signed))
def test_one_of_several_signatures_is_enough(code: str, provider: Provider) -> None:
    account = account_of(code, provider)
    headers = signed(account.secrets["webhook_secret"], BODY)
    rolled = {**headers, "webhook-signature": "v1,AAAA v1a,BBBB " + headers["webhook-signature"]}
    assert provider.verify(BODY, rolled, account) == "evt_1"


def test_every_account_gets_secrets_of_its_own(provider: Provider) -> None:
    first, second = provider.new_secrets(), provider.new_secrets()
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())


@pytest.mark.parametrize(
    ("harm", "body"),
    [
        ({}, BODY + b" "),
        ({"webhook-id": "evt_2"}, BODY),
        ({"webhook-signature": "v1,AAAA"}, BODY),
        ({"webhook-signature": "no comma"}, BODY),
        ({"webhook-signature": "v1,not/base64!"}, BODY),
        ({"webhook-signature": "v1,a,b"}, BODY),
        ({"webhook-signature": ""}, BODY),
        ({"webhook-timestamp": ""}, BODY),
        ({"webhook-timestamp": "nan"}, BODY),
        ({"webhook-timestamp": "1e400"}, BODY),
        ({"webhook-timestamp": "9" * 400}, BODY),
        ({"webhook-timestamp": "0"}, BODY),
        ({}, b"\xff\xfe"),
    ],
)
def test_refuses_altered_and_malformed_signatures(
    code: str, provider: Provider, harm: dict[str, str], body: bytes
) -> None:
    account = credentials(code, provider.new_secrets() or {"webhook_secret": "whsec_c2VjcmV0"})
    headers = signed(account.secrets["webhook_secret"], BODY) | harm
    with pytest.raises(SignatureInvalid):
        provider.verify(body, headers, account)


@pytest.mark.parametrize("code", [code for code, stage in STAGES.items() if not stage.replayable])
@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_refuses_a_stale_signature(code: str, provider: Provider, stage: Stage, age: timedelta) -> None:
    account = credentials(code, account_of(code, provider).secrets or {"webhook_secret": "whsec_c2VjcmV0"})
    headers = (stage.sign or signed)(account.secrets[stage.secret], BODY, at=datetime.now(UTC) - age)
    with pytest.raises(SignatureInvalid):
        provider.verify(BODY, headers, account)


def test_refuses_another_accounts_signature_and_an_account_without_secret(
    code: str, provider: Provider, stage: Stage
) -> None:
    secret = account_of(code, provider).secrets.get(stage.secret, "whsec_c2VjcmV0")
    body, _ = stage.event
    for other in (account_of(code, provider).secrets, {}, {stage.secret: ""}):
        with pytest.raises(SignatureInvalid):
            provider.verify(body, (stage.sign or signed)(secret, body), credentials(code, other))


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"id": 1}', b"\xff", b'{"id":"e","type":"t","data":{}}']
)
def test_reads_what_it_does_not_understand_as_nothing(provider: Provider, body: bytes) -> None:
    assert provider.parse_webhook(body).reports == ()


@pytest.mark.parametrize("code", STAGES)
def test_a_connection_can_be_tried(code: str, provider: Provider) -> None:
    assert provider.try_connection(account_of(code, provider)).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("code", [code for code in STAGES if code not in CAN_FETCH])
def test_who_cannot_be_asked_says_so_and_tells_the_same_again(code: str, provider: Provider, stage: Stage) -> None:
    account, request = account_of(code, provider), call(stage, amount=stage.amounts[Outcome.UNKNOWN])
    assert provider.execute(request, account).outcome is Outcome.UNKNOWN
    asked = provider.fetch(request, account)
    assert (asked.outcome, asked.code) == (Outcome.UNKNOWN, "cannot_be_asked")
    assert provider.execute(request, account).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("code", ["adyen", "mollie", "paynl", "stripe"])
def test_a_connection_without_keys_is_refused_in_words(code: str, provider: Provider) -> None:
    result = provider.try_connection(credentials(code, {}))
    assert (result.outcome, result.code) == (Outcome.DECLINED, "credentials_missing")


def test_a_provider_out_of_reach_is_not_sent_and_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SIMULATOR_URL", "http://127.0.0.1:9")
    provider, stage = registry.provider("simulator"), STAGES["simulator"]
    account = credentials("simulator", provider.new_secrets())
    assert provider.execute(call(stage), account).outcome is Outcome.NOT_SENT
    assert provider.fetch(call(stage), account).outcome is Outcome.UNKNOWN
