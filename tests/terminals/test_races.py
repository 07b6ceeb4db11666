"""Devices that send twice at once, and devices that sell at once: one effect each, and nothing waits for ever."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection

from payments.models import Order, Payment
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.responses import ClientResponse
from tests.terminals.conftest import books, paired
from tests.terminals.device import Device, refund, sale

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(calls: Sequence[Callable[[], ClientResponse]]) -> list[ClientResponse]:
    """Run them in threads, each with a connection of its own."""

    def run(call: Callable[[], ClientResponse]) -> ClientResponse:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def test_one_batch_posted_ten_times_at_once_has_one_effect(terminal: Device, shop: Shop) -> None:
    day = [sale(number, 1000, order_reference=f"A-{number}") for number in range(1, 21)]
    answers = at_once([partial(terminal.batch, day) for _ in range(10)])
    body = Counter(result["status"] for answer in answers for result in answer.json()["results"])
    assert body == {"recorded": 20, "duplicate": 180}
    assert Payment.objects.count() == 20
    assert books(shop.merchant) == {"receivable": 20_000, "takings": -20_000}


def test_one_request_sent_ten_times_at_once_gets_one_answer(terminal: Device) -> None:
    answers = at_once([partial(terminal.post, sale(1), webhook_id="m-1") for _ in range(10)])
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert Payment.objects.count() == 1


def test_a_code_raced_for_pairs_one_device(back_office: Api) -> None:
    from tests.terminals.conftest import new_terminal

    code = new_terminal(back_office)["pairing_code"]
    answers = at_once([partial(Api().post, "/v1/terminals/pair", {"pairing_code": code}) for _ in range(8)])
    assert Counter(answer.status_code for answer in answers) == {201: 1, 404: 7}


def test_terminals_that_sell_on_the_same_orders_make_each_order_once(back_office: Api, shop: Shop) -> None:
    devices = [paired(back_office, label=f"Counter {number}") for number in range(4)]
    forwards = [sale(number, 100, order_reference=f"A-{number}") for number in range(1, 31)]
    backwards = [sale(31 - number, 100, order_reference=f"A-{number}") for number in range(1, 31)]
    answers = at_once([partial(device.batch, [forwards, backwards][at % 2]) for at, device in enumerate(devices)])
    assert [answer.status_code for answer in answers] == [200] * 4
    assert Order.objects.count() == 30
    assert set(Order.objects.values_list("captured", flat=True)) == {400}
    assert books(shop.merchant) == {"receivable": 12_000, "takings": -12_000}


def test_refunds_of_one_sale_from_every_counter_are_all_booked(back_office: Api, shop: Shop) -> None:
    devices = [paired(back_office, label=f"Counter {number}") for number in range(6)]
    sold = devices[0].post(sale(1, 1000)).json()["payment"]
    back = [partial(device.post, refund(2, 300, original={"payment": sold})) for device in devices]
    answers = at_once(back)
    assert [answer.status_code for answer in answers] == [201] * 6, [json.loads(answer.content) for answer in answers]
    order = Payment.objects.get(id=sold).order
    assert (order.refunded, order.excess) == (1800, 800)
    assert books(shop.merchant) == {"receivable": -800, "takings": -1000, "returns": 1800}
