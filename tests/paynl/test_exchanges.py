"""Exchanges, states and methods: what Pay.nl says, and what becomes of it."""

import json
import random
from typing import Any

import pytest

from payments.models import Discrepancy, Payment, ProviderEvent
from payments.providers.base import Credentials, SignatureInvalid
from payments.providers.paynl import webhooks
from payments.providers.paynl.provider import PayNl
from payments.services import look_up
from tests.fake_paynl import afterwards
from tests.fake_paynl.books import set_status
from tests.fake_paynl.post import body_of, forged, legacy, signed
from tests.fake_paynl.schemas import SPECIFICATION
from tests.fake_paynl.server import FakePayNl
from tests.fakes.faults import Fault
from tests.fakes.specification import SHARED
from tests.paynl.conftest import PayNlShop

pytestmark = pytest.mark.django_db(transaction=True)
VECTORS = SHARED / "providers" / "paynl" / "samples" / "exchange-signing-vectors.json"


def paid(paynl: PayNlShop, amount: int = 50_00, **more: Any) -> dict[str, Any]:
    payment = paynl.pay(amount, **more)
    afterwards.pay(paynl.books, paynl.order_of(payment))
    paynl.deliver()
    return payment


def test_a_customer_pays_by_ideal_and_their_account_is_known(paynl: PayNlShop) -> None:
    payment = paynl.pay()
    assert payment["next_action"]["url"].endswith(paynl.order_of(payment))
    afterwards.pay(paynl.books, paynl.order_of(payment))
    paynl.deliver()
    shown = paynl.payment(payment)
    assert (shown["status"], shown["method"], shown["amount_captured"]) == ("captured", "ideal", 50_00)
    assert "ABNA" in str(Payment.objects.get(id=payment["id"]).payer_account)


@pytest.mark.parametrize(
    ("code", "status"),
    [(-63, "declined"), (-80, "expired"), (-90, "canceled"), (85, "processing"), (80, "requires_action")],
)
def test_states_of_an_order(paynl: PayNlShop, code: int, status: str) -> None:
    payment = paynl.pay()
    order = paynl.books.orders[paynl.order_of(payment)]
    set_status(order, code)
    paynl.send(order)
    paynl.work()
    assert paynl.payment(payment)["status"] in (status, "requires_action" if code > 0 else status)
    assert paynl.effects() == []


def test_a_later_success_on_the_same_order_is_the_sale(paynl: PayNlShop) -> None:
    """The first attempt was refused, the second paid."""
    payment = paynl.pay()
    afterwards.fail(paynl.books, paynl.order_of(payment))
    paynl.deliver()
    assert paynl.payment(payment)["status"] == "declined"
    afterwards.pay(paynl.books, paynl.order_of(payment))
    paynl.deliver()
    assert paynl.payment(payment)["status"] == "captured"


def test_an_exchange_of_an_end_is_not_believed_where_the_order_is_paid_by_now(paynl: PayNlShop) -> None:
    payment = paynl.pay()
    order = paynl.books.orders[paynl.order_of(payment)]
    ended = json.loads(json.dumps({**order, "status": {"code": -80, "action": "EXPIRED"}}))
    afterwards.pay(paynl.books, paynl.order_of(payment))
    assert paynl.send(ended) == '{"result": true}'
    paynl.work()
    assert paynl.payment(payment)["status"] == "captured"


def test_another_amount_is_for_finance_and_no_sale(paynl: PayNlShop) -> None:
    payment = paynl.pay()
    afterwards.pay(paynl.books, paynl.order_of(payment), amount=49_00)
    paynl.deliver()
    assert paynl.payment(payment)["amount_captured"] == 0
    assert Discrepancy.objects.get(kind="amount_differs").amount == -1_00


def test_a_refund_asked_done_and_come_back_days_later(paynl: PayNlShop) -> None:
    payment = paid(paynl)
    refund = paynl.refund(payment, 20_00)
    assert refund["status"] == "pending"
    name = paynl.books.refunded[paynl.order_of(payment)][0]["id"]
    afterwards.receive_refund(paynl.books, name)
    paynl.deliver()
    assert paynl.refunded(refund)["status"] == "succeeded"
    afterwards.return_refund(paynl.books, name)
    paynl.deliver()
    assert paynl.payment(payment)["amount_refunded"] == 0


def test_a_refund_at_the_dashboard_is_booked_once(paynl: PayNlShop) -> None:
    payment = paid(paynl)
    for _ in range(2):
        afterwards.dashboard_refund(paynl.books, paynl.order_of(payment), 10_00)
        paynl.waiting *= 2
        paynl.deliver()
    assert paynl.payment(payment)["amount_refunded"] == 20_00


def test_a_chargeback(paynl: PayNlShop) -> None:
    payment = paid(paynl)
    afterwards.charge_back(paynl.books, paynl.order_of(payment))
    paynl.deliver()
    assert paynl.payment(payment)["amount_charged_back"] == 50_00


def test_canceling_before_anybody_paid_and_after(paynl: PayNlShop) -> None:
    payment = paynl.pay()
    assert paynl.ask(f"/v1/payments/{payment['id']}/cancel")["status"] == "canceled"
    late = paynl.pay()
    afterwards.pay(paynl.books, paynl.order_of(late))
    paynl.ask(f"/v1/payments/{late['id']}/cancel")
    paynl.deliver()
    assert paynl.payment(late)["status"] == "captured"


def test_what_is_held_is_captured_in_parts_or_given_up(paynl: PayNlShop) -> None:
    paynl.books.holds_cards = True
    payment = paid(paynl, method="card", capture="manual")
    assert paynl.payment(payment)["status"] == "authorized"
    paynl.ask(f"/v1/payments/{payment['id']}/capture", amount=20_00, final=False)
    paynl.ask(f"/v1/payments/{payment['id']}/capture", amount=30_00)
    assert paynl.payment(payment)["amount_captured"] == 50_00
    other = paid(paynl, method="card", capture="manual")
    assert paynl.ask(f"/v1/payments/{other['id']}/cancel")["status"] == "canceled"


def test_a_location_that_holds_nothing_takes_all_at_once(paynl: PayNlShop) -> None:
    payment = paid(paynl, method="card", capture="manual")
    assert paynl.payment(payment)["amount_captured"] == 50_00


class TestProof:
    def test_forged_ones_are_refused_and_leave_nothing(self, paynl: PayNlShop) -> None:
        payment = paynl.pay()
        order = paynl.books.orders[paynl.order_of(payment)]
        chance = random.Random(3)
        for _ in range(9):
            lie = forged(paynl.books, order, chance)
            assert paynl.post(lie.body, dict(lie.sign())) == "400"
        assert not ProviderEvent.objects.exists()

    def test_a_legacy_one_is_a_hint_that_nobody_needs_to_sign(self, paynl: PayNlShop) -> None:
        payment = paynl.pay()
        order = paynl.books.orders[paynl.order_of(payment)]
        lie = {**order, "_amount": 9_999_99}
        assert paynl.send(lie, "refund:received") == "TRUE|stored"
        paynl.work()
        assert (paynl.payment(payment)["amount_refunded"], paynl.effects()) == (0, [])

    def test_a_hint_about_somebody_elses_order_is_not_looked_up(self, paynl: PayNlShop, fake_paynl: FakePayNl) -> None:
        assert paynl.post(b"action=refund:add&order_id=51007856048X14b0&amount=1.00", {}) == "TRUE|stored"
        asked = len(fake_paynl.received)
        paynl.work()
        assert (ProviderEvent.objects.count(), len(fake_paynl.received)) == (0, asked)

    def test_while_a_charge_has_no_name_only_so_many_strange_hints_are_kept(
        self, paynl: PayNlShop, fake_paynl: FakePayNl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(look_up, "MOST_STRANGE", 3)
        fake_paynl.faults.plan(Fault.DROPPED_DONE)
        paynl.pay()
        for number in range(5):
            answer = paynl.post(b"action=pay&order_id=51007856048X%05d&amount=1.00" % number, {})
            assert answer == "TRUE|stored"
            paynl.work()
        assert ProviderEvent.objects.filter(status="ignored").count() == 3

    @pytest.mark.parametrize(
        "body", [b"action=pay", b"order_id=1&action=DROP TABLE", b"order_id=../x&action=pay", b"\xff"]
    )
    def test_what_is_no_exchange_is_refused(self, paynl: PayNlShop, body: bytes) -> None:
        assert paynl.post(body, {}) == "400"

    @pytest.mark.skipif(not VECTORS.exists(), reason="the published vectors are not at hand")
    def test_the_published_vectors_verify(self) -> None:
        for vector in json.loads(VECTORS.read_text())["vectors"]:
            names = (
                ("service_id", "service_secret") if vector["key_id"].startswith("SL") else ("token_code", "api_token")
            )
            known = dict(zip(names, (vector["key_id"], vector["secret"]), strict=True))
            headers = {"signature": vector["signature"], "signature-keyid": vector["key_id"]}
            headers |= {"signature-method": "HMAC", "signature-algorithm": vector["algorithm"]}
            body = vector["body"].encode()
            account = Credentials("pac_1", "paynl", "EUR", secrets=known)
            assert webhooks._is_signed(body, headers, account)
            with pytest.raises(SignatureInvalid):
                PayNl().verify(body + b" ", headers, account)


@pytest.mark.skipif(not VECTORS.exists(), reason="the published specification is not at hand")
def test_every_address_of_the_fake_but_one_is_published(fake_paynl: FakePayNl) -> None:
    unpublished = {endpoint for endpoint in fake_paynl.routes if not SPECIFICATION.is_published(endpoint)}
    assert {each for each in unpublished if "/v1/" not in each} <= {"GET /v2/settlements"}


def test_its_signatures_are_those_that_we_check(paynl: PayNlShop) -> None:
    order = paynl.books.add({"amount": {"value": 100}})
    body, headers = signed(paynl.books, order)
    assert body == body_of(order)
    account = Credentials("pac_1", "paynl", "EUR", secrets=paynl.books.secrets)
    assert PayNl().verify(body, headers, account).startswith(order["orderId"])
    assert webhooks.parse_webhook(legacy(order, "refund:add")).is_proven is False
