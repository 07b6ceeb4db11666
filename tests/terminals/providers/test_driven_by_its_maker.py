"""A terminal that its maker drives takes part in everything: sales, silence, stops and refunds, and the same books."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.money import Money
from payments.models import Operation, Payment
from payments.providers.base import Outcome, ProviderReport, ReportType, Result
from payments.services.record import record
from terminals.models import Terminal, TerminalAction
from terminals.services.actions import drive, sweep
from tests.api.client import Api, refusal
from tests.api.conftest import Shop
from tests.terminals.conftest import books
from tests.terminals.providers.conftest import RunningMaker
from tests.terminals.test_driven_sales import pass_time, status_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def till(back_office: Api) -> str:
    """The id of a terminal that the simulator drives."""
    answer = back_office.post("/v1/terminals", {"label": "Till 9", "driver": "simulator", "device_id": "T1"})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["status"], made["pairing_code"], made["driver"]) == ("active", None, "simulator")
    return str(made["id"])


def ask(api: Api, till: str, **given: Any) -> dict[str, Any]:
    answer = api.post(f"/v1/terminals/{till}/actions", {"type": "sale", "currency": "EUR", **given})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    drive.drive(till)
    return made


def test_a_sale_is_booked_as_a_devices_own(back_office: Api, till: str, maker: RunningMaker, shop: Shop) -> None:
    action = ask(back_office, till, amount=1000)
    assert status_of(action) == ("succeeded", "captured")
    payment = back_office.get(f"/v1/payments/{action['payment']}?expand=evidence").json()
    assert (payment["card"]["last4"], payment["evidence"][0]["rrn"]) == ("4242", "000000000001")
    assert Terminal.objects.get(id=till).last_sequence == 1
    assert books(shop.merchant) == {"receivable": 1000, "takings": -1000}


@pytest.mark.parametrize(("amount", "ended"), [(1001, ("declined", "declined")), (1002, ("canceled", "canceled"))])
def test_what_was_not_paid(
    back_office: Api, till: str, maker: RunningMaker, amount: int, ended: tuple[str, str]
) -> None:
    assert status_of(ask(back_office, till, amount=amount)) == ended


@pytest.mark.parametrize(("amount", "ended"), [(1003, "succeeded"), (1004, "succeeded"), (1006, "canceled")])
def test_silence_is_unknown_until_the_maker_is_asked(
    back_office: Api, till: str, maker: RunningMaker, shop: Shop, amount: int, ended: str
) -> None:
    action = ask(back_office, till, amount=amount)
    assert status_of(action) == ("unknown", "unknown")
    maker.restart()
    pass_time(action, 140)
    drive.drive_all()
    assert TerminalAction.objects.get(id=action["id"]).status == ended
    drive.drive_all()
    sweep.sweep()
    taken = amount if ended == "succeeded" else 0
    assert books(shop.merchant) == ({"receivable": taken, "takings": -taken} if taken else {})
    assert Payment.objects.count() == 1


def test_what_goes_on_is_asked_about_until_it_is_known(
    back_office: Api, till: str, maker: RunningMaker, shop: Shop
) -> None:
    action = ask(back_office, till, amount=1005)
    assert status_of(action) == ("presented", "processing")
    for _ in range(3):
        pass_time(action, 140)
        drive.drive_all()
    assert status_of(action) == ("succeeded", "captured")
    assert books(shop.merchant) == {"receivable": 1005, "takings": -1005}


def test_a_maker_that_is_away_was_not_asked(back_office: Api, till: str, maker: RunningMaker) -> None:
    maker.stop()
    assert status_of(ask(back_office, till, amount=1000)) == ("canceled", "canceled")
    maker.start()


def test_a_process_that_dies_before_it_recorded_the_answer(
    back_office: Api, till: str, maker: RunningMaker, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(drive, "_record", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            ask(back_office, till, amount=1000)
    row = TerminalAction.objects.get()
    action = {"id": row.id, "payment": row.payment_id}
    assert status_of(action) == ("presented", "processing")
    pass_time(action, 140)
    drive.drive_all()
    assert status_of(action) == ("succeeded", "captured")
    assert books(shop.merchant) == {"receivable": 1000, "takings": -1000}


def test_a_process_that_stood_still_since_it_took_a_sale_does_not_send_it(
    back_office: Api, till: str, maker: RunningMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive, "_LEASE", timedelta(0))
    assert status_of(ask(back_office, till, amount=1000)) == ("canceled", "canceled")
    assert maker.requests() == {}


def test_what_may_be_on_its_way_to_the_maker_is_not_called_unknown_to_it(
    back_office: Api, till: str, maker: RunningMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(drive, "_ask", lambda *_: pytest.fail("stands still"))
        with pytest.raises(pytest.fail.Exception):
            ask(back_office, till, amount=1000)
    row = TerminalAction.objects.get()
    action = {"id": row.id, "payment": row.payment_id}
    back_office.post(f"/v1/terminals/{till}/actions", {"type": "status"})
    drive.drive(till)
    assert status_of(action) == ("presented", "processing")
    pass_time(action, 140)
    drive.drive_all()
    assert status_of(action) == ("canceled", "canceled")


def test_a_maker_that_is_at_it_is_asked_every_few_seconds(
    back_office: Api, till: str, maker: RunningMaker, shop: Shop
) -> None:
    action = ask(back_office, till, amount=1005)
    row = TerminalAction.objects.get()
    assert drive.poll(row.id) is False  # not yet
    for _ in range(2):
        TerminalAction.objects.filter(poll_at__isnull=False).update(poll_at=timezone.now())
        assert drive.drive_all() == 1
    assert status_of(action) == ("succeeded", "captured")
    assert TerminalAction.objects.filter(type="status").count() == 0
    assert books(shop.merchant) == {"receivable": 1005, "takings": -1005}


def test_a_question_without_an_answer_decides_nothing_while_there_is_time(
    back_office: Api, till: str, maker: RunningMaker
) -> None:
    action = ask(back_office, till, amount=1005)
    maker.stop()
    TerminalAction.objects.filter(poll_at__isnull=False).update(poll_at=timezone.now())
    drive.drive_all()
    assert status_of(action) == ("presented", "processing")
    maker.start()


def test_what_a_webhook_told_first_is_charged_once(
    back_office: Api, till: str, maker: RunningMaker, shop: Shop
) -> None:
    action = ask(back_office, till, amount=1005)
    operation = Operation.objects.select_related("provider_account__merchant").get()
    result = Result(Outcome.SUCCEEDED, "tr_1", "tr_1", Money(1005, "EUR"))
    record(operation.provider_account, [ProviderReport(ReportType.SALE, result, operation.id)], actor="tests")
    for _ in range(2):
        TerminalAction.objects.filter(poll_at__isnull=False).update(poll_at=timezone.now())
        drive.drive_all()
    assert status_of(action) == ("succeeded", "captured")
    assert Payment.objects.count() == 1
    assert books(shop.merchant) == {"receivable": 1005, "takings": -1005}


def test_a_stop_reaches_the_maker(back_office: Api, till: str, maker: RunningMaker) -> None:
    action = ask(back_office, till, amount=1005)
    ask_stop = back_office.post(f"/v1/terminals/{till}/actions", {"type": "abort"}).json()
    drive.drive(till)
    assert status_of(action) == ("canceled", "canceled")
    assert TerminalAction.objects.get(id=ask_stop["id"]).status == "succeeded"


def test_it_gives_back(back_office: Api, till: str, maker: RunningMaker, shop: Shop) -> None:
    sale = ask(back_office, till, amount=1000)
    about = {"type": "refund", "payment": sale["payment"], "amount": 400, "operator": "Sanne", "reason": "Too small"}
    back_office.post(f"/v1/terminals/{till}/actions", about)
    drive.drive(till)
    assert books(shop.merchant) == {"receivable": 600, "takings": -1000, "returns": 400}
    (part,) = back_office.get(f"/v1/payments/{sale['payment']}?expand=refunds").json()["refunds"][0]["parts"]
    assert (part["status"], part["card_match"]["verdict"]) == ("succeeded", "same")


def test_the_simulator_drives_no_live_merchants_terminal(back_office: Api, shop: Shop) -> None:
    shop.merchant.mode = "live"
    shop.merchant.save()
    made = back_office.post("/v1/terminals", {"label": "Till 9", "driver": "simulator", "device_id": "T1"})
    refusal(made, 422, "provider_test_only")
