"""The fake Stripe is one: the SDK talks to it unmodified, and it is no more lenient than the real one."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import stripe
from jsonschema import Draft202012Validator

from payments.core.ids import new_id
from tests.fake_stripe import afterwards, schemas
from tests.fake_stripe.books import Books, fee_of
from tests.fake_stripe.faults import Fault
from tests.fake_stripe.post import FORGERS_SECRET, body_of, signature
from tests.fake_stripe.server import FakeStripe, signed
from tests.fakes.post import Mischief
from tests.fakes.specification import shape
from tests.simulator import Landed, Receiver, eventually

CARD: dict[str, Any] = {"confirm": True, "payment_method": "pm_card_visa"}
EUROS: dict[str, Any] = {"amount": 50_00, "currency": "eur"}


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    running = FakeStripe()
    yield running
    running.close()


@pytest.fixture
def sdk(fake: FakeStripe) -> Any:
    return stripe.StripeClient("sk_test_anna", base_addresses={"api": fake.url}, max_network_retries=0).v1


@pytest.fixture
def books(fake: FakeStripe) -> Books:
    return fake.account("sk_test_anna")


def raw(fake: FakeStripe, path: str, body: dict[str, str], **headers: str) -> httpx.Response:
    """A request as anybody may write it."""
    own = {"Authorization": "Bearer sk_test_anna", "Stripe-Version": "2026-10-28.endive"} | headers
    return httpx.post(fake.url + path, data=body, headers=own, trust_env=False, timeout=10)


def accepts_no_more(own: Any, recorded: Any, root: Any) -> list[str]:
    """Where a schema of the fake takes what the recorded one does not."""
    if "$ref" in recorded:
        return accepts_no_more(own, root["$defs"][recorded["$ref"].rpartition("/")[2]], root)
    if "anyOf" in own:
        return [where for choice in own["anyOf"] for where in accepts_no_more(choice, recorded, root)]
    if "anyOf" in recorded:
        tries = [accepts_no_more(own, choice, root) for choice in recorded["anyOf"]]
        return min(tries, key=len)
    if own.get("type") != recorded.get("type", own.get("type")):
        return [f"{own.get('type')} for {recorded.get('type')}"]
    if not set(own.get("enum", ())) <= set(recorded.get("enum", own.get("enum", ()))):
        return [f"values {own['enum']}"]
    if own.get("type") == "array":
        return accepts_no_more(own["items"], recorded["items"], root)
    return [] if own.get("type") != "object" else members(own, recorded, root)


def members(own: Any, recorded: Any, root: Any) -> list[str]:
    others = recorded.get("additionalProperties", False)
    known = recorded.get("properties", {})
    wrong = [f"without {name}" for name in recorded.get("required", ()) if name not in own.get("required", ())]
    for name, inner in own.get("properties", {}).items():
        theirs = known.get(name, others)
        wrong += [f"{name}: {each}" for each in (accepts_no_more(inner, theirs, root) if theirs else ["unknown"])]
    return wrong


@pytest.mark.skipif(not schemas.RECORDED.exists(), reason="the recorded schemas are not part of the project")
def test_the_fake_is_no_more_lenient_than_the_recorded_schemas() -> None:
    held = {name: own for name, own in schemas.OWN.items() if name in schemas.recorded()}
    assert len(held) >= 10
    wrong = {
        name: accepts_no_more(own, schemas.recorded()[name], schemas.recorded()[name]) for name, own in held.items()
    }
    assert {name: where for name, where in wrong.items() if where} == {}


@pytest.mark.skipif(not schemas.RECORDED.exists(), reason="the recorded schemas are not part of the project")
def test_the_comparison_would_notice() -> None:
    """A schema with one more name, one more value or one demand less is found out."""
    refund = schemas.recorded()["POST /v1/refunds"]
    lenient = shape(amount=schemas.TEXT, reason={"type": "string", "enum": ["whim"]}, color=schemas.TEXT)
    assert len(accepts_no_more(lenient, refund, refund)) == 3
    intent = schemas.recorded()["POST /v1/payment_intents"]
    assert accepts_no_more(shape("amount", amount=schemas.WHOLE), intent, intent) == ["without currency"]


def test_its_objects_have_every_field_of_stripes_own_fixtures(sdk: Any, books: Books) -> None:
    from tests.fake_stripe.shapes import fixtures

    if not fixtures():
        pytest.skip("Stripe's fixtures are not part of the project")
    intent = sdk.payment_intents.create({**EUROS, **CARD})
    sdk.refunds.create({"payment_intent": intent.id, "amount": 10_00})
    afterwards.dispute(books, intent.id)
    afterwards.pay_out(books)
    for obj in books.objects.values():
        assert fixtures()[obj["object"]].keys() <= obj.keys(), obj["object"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/payment_intents", {"amount": "100", "currency": "eur", "color": "red"}, "parameter_unknown"),
        ("/v1/payment_intents", {"amount": "100", "currency": "eur", "payment_method_types[0]": "card"}, "parameter_unknown"),
        ("/v1/payment_intents", {"amount": "100"}, "parameter_missing"),
        ("/v1/payment_intents", {"amount": "much", "currency": "eur"}, None),
        ("/v1/payment_intents", {"amount": "49", "currency": "eur"}, "amount_too_small"),
        ("/v1/payment_intents", {"amount": "100000000", "currency": "eur"}, "amount_too_large"),
        ("/v1/payment_intents", {"amount": "100", "currency": "eur", "return_url": "https://x"}, None),
        ("/v1/refunds", {"payment_intent": "pi_x"}, "resource_missing"),
        ("/v1/refunds", {}, None),
        ("/v1/nothing", {}, None),
    ],
)  # fmt: skip
def test_what_stripe_would_not_take_is_refused(
    fake: FakeStripe, path: str, body: dict[str, str], code: str | None
) -> None:
    answer = raw(fake, path, body)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"].get("code") == code
    assert fake.account("sk_test_anna").objects == {}


@pytest.mark.parametrize(("header", "status"), [("Bearer sk_test_revoked", 401), ("Bearer x", 401), ("", 401)])
def test_a_key_that_is_none_is_refused(fake: FakeStripe, header: str, status: int) -> None:
    assert raw(fake, "/v1/payment_intents", {}, Authorization=header).status_code == status


def refused(action: Callable[[], Any]) -> str | None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        action()
    return refusal.value.code


def test_states_are_kept_as_stripe_keeps_them(sdk: Any, books: Books) -> None:
    held = sdk.payment_intents.create({**EUROS, **CARD, "capture_method": "manual"})
    assert refused(lambda: sdk.refunds.create({"payment_intent": held.id})) == "charge_not_captured"
    assert refused(lambda: sdk.payment_intents.capture(held.id, {"amount_to_capture": 50_01})) == "amount_too_large"
    sdk.payment_intents.capture(held.id, {"amount_to_capture": 30_00})
    again = "payment_intent_unexpected_state"
    assert refused(lambda: sdk.payment_intents.capture(held.id)) == again
    assert refused(lambda: sdk.payment_intents.cancel(held.id)) == again
    assert refused(lambda: sdk.refunds.create({"payment_intent": held.id, "amount": 30_01})) is None
    sdk.refunds.create({"payment_intent": held.id})
    assert refused(lambda: sdk.refunds.create({"payment_intent": held.id})) == "charge_already_refunded"
    assert [(effect.verb, effect.net) for effect in books.effects] == [
        ("authorize", 0),
        ("capture", 30_00),
        ("refund", -30_00),
    ]


def test_a_charged_back_charge_cannot_be_refunded(sdk: Any, books: Books) -> None:
    intent = sdk.payment_intents.create({**EUROS, **CARD})
    afterwards.dispute(books, intent.id)
    assert refused(lambda: sdk.refunds.create({"payment_intent": intent.id})) == "charge_disputed"


def test_the_same_key_is_done_once(fake: FakeStripe, books: Books) -> None:
    body = {"amount": "5000", "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa"}
    first = raw(fake, "/v1/payment_intents", body, **{"Idempotency-Key": "k"})
    again = raw(fake, "/v1/payment_intents", body, **{"Idempotency-Key": "k"})
    assert first.json() == again.json()
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    other = raw(fake, "/v1/payment_intents", body | {"amount": "5100"}, **{"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(books.effects) == 1


def test_a_key_whose_request_still_runs_is_a_conflict(fake: FakeStripe, books: Books) -> None:
    books.running.add("k")
    answer = raw(fake, "/v1/payment_intents", {"amount": "5000", "currency": "eur"}, **{"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_in_use")


def test_many_at_once_under_one_key_move_money_once(sdk: Any, books: Books) -> None:
    conflicts: list[int | None] = []

    def pay(_: int) -> str | None:
        try:
            return str(sdk.payment_intents.create({**EUROS, **CARD}, {"idempotency_key": "k"}).id)
        except stripe.APIError as error:
            conflicts.append(error.http_status)
            return None

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(pay, range(24))) - {None}
    assert (len(ids), len(books.effects), set(conflicts) - {409}) == (1, 1, set())


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_breaks_the_answer_and_does_or_does_not_do_it(fake: FakeStripe, fault: Fault) -> None:
    fake.faults.silence = 0.1
    key = new_id("op").replace("_", "")
    client: Any = stripe.StripeClient(f"sk_test_{key}", base_addresses={"api": fake.url}, max_network_retries=0).v1
    fake.faults.plan(fault)
    with pytest.raises(stripe.StripeError):
        client.payment_intents.create({**EUROS, **CARD}, {"idempotency_key": key})
    done = fault.done or fault is Fault.SLOW
    assert len(fake.account(f"sk_test_{key}").effects) == int(done)


def test_balance_and_effects_agree_to_the_cent(sdk: Any, books: Books) -> None:
    intent = sdk.payment_intents.create({**EUROS, **CARD})
    sdk.refunds.create({"payment_intent": intent.id, "amount": 12_34})
    dollars = sdk.payment_intents.create({"amount": 100_00, "currency": "usd", **CARD})
    assert dollars.status == "succeeded"
    fees = fee_of("card", 50_00) + fee_of("card", 100_00)
    assert books.available() == 50_00 - 12_34 + 90_00 - fees
    payout = afterwards.pay_out(books)
    assert (payout["amount"], books.available()) == (50_00 - 12_34 + 90_00 - fees, 0)
    rows = list(sdk.balance_transactions.list({"payout": payout["id"], "limit": 2}).auto_paging_iter())
    assert [row.reporting_category for row in rows] == ["payout", "charge", "refund", "charge"]
    assert sum(row.net for row in rows) == 0


def test_the_sdk_believes_its_webhooks_and_not_the_forgers(sdk: Any, books: Books) -> None:
    sdk.payment_intents.create({**EUROS, **CARD})
    for event in books.events:
        body, headers = signed(books, event)
        found = stripe.Webhook.construct_event(body, headers["stripe-signature"], books.webhook_secret)
        assert (found.id, found.type) == (event["id"], event["type"])
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, signature(FORGERS_SECRET, body), books.webhook_secret)


def test_webhooks_come_late_twice_shuffled_forged_and_until_they_are_taken(
    fake: FakeStripe, sdk: Any, books: Books, receiver: Receiver
) -> None:
    fake.post.mischief = Mischief(late=0.2, twice=0.5, forged=0.5)
    books.webhook_url = receiver.url
    receiver.status = 400
    for _ in range(8):
        sdk.payment_intents.create({**EUROS, **CARD})
    eventually(lambda: len(receiver.landed) > len(books.events))
    receiver.status = 200
    eventually(fake.post.quiet)
    genuine = [ids_of(landed) for landed in receiver.landed if believed(landed, books)]
    events = [event["id"] for event in books.events]
    assert set(genuine) == set(events)
    assert genuine != sorted(genuine)
    assert fake.post.counts["twice"] > 0
    assert fake.post.counts["forged_refused"] + fake.post.counts["forged_taken"] == fake.post.counts["forged"] > 0


def ids_of(landed: Landed) -> str:
    return str(json.loads(landed.body)["id"])


def believed(landed: Landed, books: Books) -> bool:
    try:
        stripe.WebhookSignature.verify_header(
            landed.body, landed.headers["stripe-signature"], books.webhook_secret, 300
        )
    except stripe.SignatureVerificationError:
        return False
    return True


def test_customers_pay_on_its_page(fake: FakeStripe, sdk: Any, books: Books) -> None:
    fields = {
        **EUROS,
        "confirm": True,
        "payment_method_data": {"type": "ideal"},
        "return_url": "https://shop.example/b",
    }
    intent = sdk.payment_intents.create({**fields, "allowed_payment_method_types": ["ideal"]})
    url = intent.next_action.redirect_to_url.url
    assert "pay" in httpx.get(url, trust_env=False).text
    back = httpx.post(url, data={"action": "pay"}, trust_env=False)
    assert (back.status_code, back.headers["Location"]) == (303, "https://shop.example/b")
    assert sdk.payment_intents.retrieve(intent.id).status == "succeeded"


def test_events_are_json_as_stripe_writes_it(sdk: Any, books: Books) -> None:
    sdk.payment_intents.create({**EUROS, **CARD})
    for event in books.events:
        assert json.loads(body_of(event)) == event
    Draft202012Validator({"required": ["id", "type", "data", "created", "api_version"]}).validate(books.events[0])
