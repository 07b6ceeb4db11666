"""The fake Mollie refuses, forgets and surprises as the real one is said to."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fake_mollie import afterwards, webhooks
from tests.fake_mollie.books import Books, Object
from tests.fake_mollie.schemas import PUBLISHED, SPECIFICATION
from tests.fake_mollie.server import FakeMollie
from tests.fake_mollie.traps import Trap
from tests.fakes.faults import Fault
from tests.fakes.specification import SHARED
from tests.simulator import Receiver, eventually

BACK = "https://shop.example/back"
VECTOR = SHARED / "providers" / "mollie" / "samples" / "webhook-signing-vector.json"


class Asking:
    """Whoever knows an account's keys."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.http = httpx.Client(base_url=books.base, trust_env=False, timeout=10, verify=False)

    def __call__(self, method: str, path: str, body: Any = None, *, key: str | None = None, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token or self.books.api_key}"} | ({"Idempotency-Key": key} if key else {})
        return self.http.request(method, f"/v2/{path}", json=body, headers=headers)

    def pay(self, value: str = "10.00", **more: Any) -> Object:
        body = {"amount": euros(value), "description": "Order 1", "metadata": {"onetill_operation": "op_1"}}
        answer = self("POST", "payments", {**body, "redirectUrl": BACK, "method": "ideal", **more}, key=more.get("key"))
        assert answer.status_code == 201, answer.text
        payment: Object = answer.json()
        return payment

    def paid(self, value: str = "10.00", **more: Any) -> Object:
        payment = self.pay(value, **more)
        afterwards.pay(self.books, payment["id"])
        return payment

    def refund(self, payment: Object, value: str = "4.00", key: str | None = None) -> Any:
        body = {"amount": euros(value), "description": "Order 1", "metadata": {}}
        return self("POST", f"payments/{payment['id']}/refunds", body, key=key)

    def capture(self, payment: Object, value: str) -> Any:
        body = {"amount": euros(value), "description": "Order 1", "metadata": {}}
        return self("POST", f"payments/{payment['id']}/captures", body)

    def read(self, path: str, token: str = "") -> Object:
        answer: Object = self("GET", path, token=token).json()
        return answer


def euros(value: str) -> dict[str, str]:
    return {"currency": "EUR", "value": value}


@pytest.fixture
def ask(fake_mollie: FakeMollie) -> Iterator[Asking]:
    asking = Asking(fake_mollie.account("bloem"))
    yield asking
    asking.http.close()


@pytest.mark.skipif(not SHARED.joinpath("providers").exists(), reason="the published specification is not at hand")
@pytest.mark.parametrize("endpoint", PUBLISHED)
def test_requests_are_held_against_the_published_specification(endpoint: str) -> None:
    assert SPECIFICATION.is_published(endpoint)


@pytest.mark.skipif(not VECTOR.exists(), reason="the signature of Mollie's own tests is not at hand")
def test_it_signs_as_mollies_own_library_does() -> None:
    vector = json.loads(VECTOR.read_text())
    assert webhooks.signature(vector["secret"], vector["body"].encode()) == vector["signature"]


def test_a_customer_pays_on_mollies_page_and_goes_back(ask: Asking) -> None:
    payment = ask.pay()
    page = payment["_links"]["checkout"]["href"]
    assert "pay" in ask.http.get(page).text
    answer = ask.http.post(page, data={"action": "pay"})
    assert (answer.status_code, answer.headers["Location"]) == (303, BACK)
    read = ask.read(f"payments/{payment['id']}")
    assert (read["status"], read["amountRemaining"], "checkout" in read["_links"]) == ("paid", euros("10.00"), False)
    assert [(effect.verb, effect.net, effect.operation) for effect in ask.books.effects] == [("sale", 10_00, "op_1")]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": euros("10.0")}, None),
        ({"amount": euros("0.00")}, "amount"),
        ({"method": "nobody"}, None),
        ({"method": "ideal", "amount": {"currency": "USD", "value": "1.00"}}, "amount.currency"),
        ({"captureMode": "manual"}, "captureMode"),
        ({"terminalId": "term_1"}, "terminalId"),
        ({"unheard_of": 1}, None),
    ],
)
def test_it_refuses_what_mollie_refuses(ask: Asking, wrong: Object, field: str | None) -> None:
    body = {"amount": euros("10.00"), "description": "Order 1", "metadata": {}, "redirectUrl": BACK, "method": "ideal"}
    answer = ask("POST", "payments", {**body, **wrong})
    assert (answer.status_code, answer.json().get("field") if field else None) == (422, field)


def test_the_same_key_is_the_same_payment_for_an_hour_and_a_new_one_afterwards(ask: Asking) -> None:
    body = {"amount": euros("10.00"), "description": "Order 1", "metadata": {}, "redirectUrl": BACK}
    first = ask("POST", "payments", body, key="op_1").json()
    assert ask("POST", "payments", body, key="op_1").json() == first
    assert ask("POST", "payments", {**body, "description": "Order 2"}, key="op_1").status_code == 400
    ask.books.later(minutes=61)
    assert ask("POST", "payments", body, key="op_1").json()["id"] != first["id"]


def test_a_key_may_be_forgotten_early_or_still_be_busy(ask: Asking, fake_mollie: FakeMollie) -> None:
    body = {"amount": euros("10.00"), "description": "Order 1", "metadata": {}, "redirectUrl": BACK}
    first = ask("POST", "payments", body, key="op_1").json()
    fake_mollie.traps.set(Trap.KEY_FORGOTTEN)
    assert ask("POST", "payments", body, key="op_1").json()["id"] != first["id"]
    fake_mollie.traps.set(Trap.KEY_RUNNING)
    assert ask("POST", "payments", body, key="op_2").status_code == 409


def test_an_equal_refund_within_the_hour_is_a_duplicate(ask: Asking) -> None:
    payment = ask.paid()
    assert ask.refund(payment, key="op_2").status_code == 201
    assert ask.refund(payment, key="op_3").status_code == 409
    assert ask.refund(payment, "3.00").status_code == 201
    ask.books.later(minutes=61)
    assert ask.refund(payment, "3.00").status_code == 201
    assert ask.refund(payment, "4.00").status_code == 422  # more than what is left


def test_a_refund_waits_leaves_and_comes_back(ask: Asking, fake_mollie: FakeMollie) -> None:
    payment = ask.paid()
    fake_mollie.traps.set(Trap.REFUND_QUEUED)
    refund = ask.refund(payment).json()
    assert refund["status"] == "queued"
    afterwards.refunds_leave(ask.books)
    assert ask.read(f"payments/{payment['id']}/refunds/{refund['id']}")["status"] == "refunded"
    assert ask("DELETE", f"payments/{payment['id']}/refunds/{refund['id']}").status_code == 404
    afterwards.refund_comes_back(ask.books, refund["id"])
    assert [(effect.verb, effect.net) for effect in ask.books.effects[1:]] == [
        ("refund", -4_00),
        ("refund_failed", 4_00),
    ]
    assert ask.read(f"payments/{payment['id']}")["amountRefunded"] == euros("0.00")


def test_a_refund_is_stopped_before_it_leaves(ask: Asking) -> None:
    payment = ask.paid()
    refund = ask.refund(payment).json()
    assert ask("DELETE", f"payments/{payment['id']}/refunds/{refund['id']}").status_code == 204
    assert ask.read(f"payments/{payment['id']}/refunds")["_embedded"]["refunds"][0]["status"] == "canceled"


@pytest.mark.parametrize(("trap", "status"), [(Trap.REFUND_UNAVAILABLE, 503), (Trap.REFUND_SHORT, 422)])
def test_a_refund_that_mollie_says_it_did_not_make(
    ask: Asking, fake_mollie: FakeMollie, trap: Trap, status: int
) -> None:
    payment = ask.paid()
    fake_mollie.traps.set(trap)
    assert ask.refund(payment).status_code == status
    assert ask.read(f"payments/{payment['id']}/refunds")["count"] == 0


def test_what_is_held_is_captured_once_or_released(ask: Asking, fake_mollie: FakeMollie) -> None:
    held = ask.paid("10.00", method="creditcard", captureMode="manual")
    assert ask.read(f"payments/{held['id']}")["status"] == "authorized"
    fake_mollie.traps.set(Trap.CAPTURE_PENDING)
    capture = ask.capture(held, "6.00").json()
    assert capture["status"] == "pending"
    afterwards.carry_out_capture(ask.books, capture["id"])
    assert ask.read(f"payments/{held['id']}")["amountCaptured"] == euros("6.00")
    assert ask.capture(held, "4.00").status_code == 422
    other = ask.paid("10.00", method="creditcard", captureMode="manual")
    assert ask("POST", f"payments/{other['id']}/release-authorization", {}).status_code == 202
    assert ask.read(f"payments/{other['id']}")["status"] == "canceled"


def test_an_attempt_expires_and_is_paid_all_the_same(ask: Asking) -> None:
    payment = ask.pay()
    ask.books.later(minutes=16)
    assert ask.read(f"payments/{payment['id']}")["status"] == "expired"
    afterwards.pay(ask.books, payment["id"])
    assert ask.read(f"payments/{payment['id']}")["status"] == "paid"


@pytest.mark.parametrize("trap", [Trap.TERMINAL_BUSY, Trap.TERMINAL_UNREACHABLE])
def test_a_terminal_that_takes_nothing(ask: Asking, fake_mollie: FakeMollie, trap: Trap) -> None:
    terminal = afterwards.terminal(ask.books)
    fake_mollie.traps.set(trap)
    payment = ask.pay(method="pointofsale", terminalId=terminal["id"])
    assert (payment["status"], payment["statusReason"]["code"]) == ("failed", trap.value)


def test_a_cancellation_that_crosses_a_tap(ask: Asking, fake_mollie: FakeMollie) -> None:
    terminal = afterwards.terminal(ask.books)
    payment = ask.pay(method="pointofsale", terminalId=terminal["id"])
    fake_mollie.traps.set(Trap.CANCEL_CROSSES_TAP)
    assert ask("DELETE", f"payments/{payment['id']}").status_code == 422
    assert ask.read(f"payments/{payment['id']}")["status"] == "paid"


def test_a_payment_is_listed_newest_first_and_by_pages(ask: Asking) -> None:
    made = [ask.pay()["id"] for _ in range(5)]
    page = ask.read("payments?limit=2")
    names = [row["id"] for row in page["_embedded"]["payments"]]
    while page["_links"]["next"]:
        page = ask.read(page["_links"]["next"]["href"].partition("/v2/")[2])
        names += [row["id"] for row in page["_embedded"]["payments"]]
    assert names == made[::-1]


def test_an_api_key_reads_nothing_of_the_organization(ask: Asking) -> None:
    assert ask("GET", "settlements").status_code == 403
    assert ask("GET", "settlements", token=ask.books.organization_token).status_code == 200
    assert ask("GET", "payments", token="test_short").status_code == 401


def test_a_settlement_lists_what_is_in_it_and_rounds_its_costs(ask: Asking) -> None:
    payment = ask.paid("43.20")
    for value in ("30.00", "12.90"):
        ask.paid(value)
    ask.refund(payment, "43.20")
    afterwards.refunds_leave(ask.books)
    settlement = afterwards.settle(ask.books)
    token = ask.books.organization_token
    read = ask.read(f"settlements/{settlement['id']}", token)
    [year] = read["periods"].values()
    [month] = year.values()
    costs = sum(float(row["amountGross"]["value"]) for row in month["costs"])
    assert round(86.10 - 43.20 - costs, 2) == float(read["amount"]["value"])
    assert ask.read(f"settlements/{settlement['id']}/payments", token)["count"] == 3
    [refund] = ask.read(f"settlements/{settlement['id']}/refunds", token)["_embedded"]["refunds"]
    assert refund["settlementAmount"] == euros("-43.20")


def test_both_webhooks_are_sent_and_a_rotated_secret_signs_beside_the_old_one(ask: Asking, receiver: Receiver) -> None:
    ask.books.webhook_url = receiver.url
    ask.books.webhook_secrets.append("secret_new")
    ask.paid(webhookUrl=receiver.url)
    eventually(lambda: len(receiver.landed) >= 2)
    bodies = {landed.body[:3]: landed for landed in receiver.landed}
    assert bodies[b"id="].body.startswith(b"id=tr_")
    signed = bodies[b'{"r'].headers["x-mollie-signature"]
    assert [each.strip()[:7] for each in signed.split(",")] == ["sha256=", "sha256="]


def test_we_are_told_before_we_are_answered(ask: Asking, fake_mollie: FakeMollie, receiver: Receiver) -> None:
    fake_mollie.traps.set(Trap.WEBHOOK_BEFORE_ANSWER)
    payment = ask.pay(webhookUrl=receiver.url)
    assert payment["status"] == "open"
    assert receiver.landed


def test_an_amounts_ending_breaks_a_request_once(ask: Asking, fake_mollie: FakeMollie) -> None:
    body = {"amount": euros("10.22"), "description": "Order 1", "metadata": {}, "redirectUrl": BACK}
    with pytest.raises(httpx.RemoteProtocolError):
        ask("POST", "payments", body, key="op_1")
    assert fake_mollie.received[-1].fault is Fault.DROPPED_DONE
    assert ask("POST", "payments", body, key="op_1").status_code == 201
    assert len(ask.books.all("tr")) == 1
