"""A shift is closed: what the device counted stands beside the books, with each difference down to the transactions."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.models import Discrepancy
from payments.notify.models import Event
from payments.people.models import Role
from reconciliation.services.periods import day_of, state_of
from terminals.models import Shift, ShiftConflict
from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop
from tests.people.cast import person
from tests.people.test_admin import browser, page
from tests.terminals.conftest import paired
from tests.terminals.device import Device, refund, reversal, sale

pytestmark = pytest.mark.django_db

Look = Callable[[], list[tuple[str, str]]]
VISA: dict[str, Any] = {"brand": "visa", "last4": "4242"}


def total(brand: str | None, kind: str, count: int, amount: int, currency: str = "EUR") -> dict[str, Any]:
    return {"brand": brand, "type": kind, "count": count, "amount": amount, "currency": currency}


def shift(first: int, last: int, *totals: dict[str, Any], name: str = "7", **more: Any) -> dict[str, Any]:
    return {
        "shift": name,
        "opened_at": "2026-11-20T08:00:00Z",
        "closed_at": "2026-11-20T17:00:00Z",
        "first_sequence": first,
        "last_sequence": last,
        "totals": list(totals),
        **more,
    }


def close(device: Device, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
    answer = device.send("/v1/terminal/shifts", body)
    assert answer.status_code == status, answer.content
    found: dict[str, Any] = answer.json()
    return found


def day(device: Device) -> None:
    """Three sales of which one is taken back, one declined, and a retourpin: 1 to 6."""
    answer = device.post(
        sale(1, 1000),
        sale(2, 2000, card=VISA),
        sale(3, 500),
        reversal(4, 3, 500),
        sale(5, 900, outcome="declined"),
        refund(6, 300, original={"sequence": 1}),
    )
    assert {result["status"] for result in answer.json()["results"]} == {"recorded"}


COUNTED = (
    total("Maestro", "sale", 2, 1500),
    total("VISA", "sale", 1, 2000),
    total("maestro", "reversal", 1, 500),
    total("maestro", "refund", 1, 300),
)


def test_a_shift_that_agrees(terminal: Device, shop: Shop, discrepancies: Look) -> None:
    day(terminal)
    answer = close(terminal, shift(1, 6, *COUNTED))
    assert (answer["status"], answer["differences"], answer["id"][:4]) == ("agrees", [], "shf_")
    assert discrepancies() == []
    event = Event.objects.get(type="terminal.shift_closed")
    body = event.data["object"]
    assert body["id"] == answer["id"] and body["shift"] == "7" and body["status"] == "agrees"
    assert event.channel_id == shop.store.id


def test_nexo_names_of_types_are_understood(terminal: Device) -> None:
    day(terminal)
    nexo = [
        total("maestro", "Debit", 2, 1500),
        total("visa", "Debit", 1, 2000),
        total("maestro", "ReverseDebit", 1, 500),
        total("maestro", "Credit", 1, 300),
        total("maestro", "Declined", 1, 900),
    ]
    assert close(terminal, shift(1, 6, *nexo))["status"] == "agrees"


def test_declined_ones_are_compared_where_the_device_counts_them(terminal: Device) -> None:
    day(terminal)
    answer = close(terminal, shift(1, 6, *COUNTED, total("maestro", "declined", 2, 1800)))
    assert [(each["type"], each["device"], each["books"]) for each in answer["differences"]] == [
        ("declined", {"count": 2, "amount": 1800}, {"count": 1, "amount": 900})
    ]


def test_each_difference_names_its_transactions(terminal: Device, discrepancies: Look) -> None:
    """The device never counted the visa sale, and knows of one at number 7 that it has not sent."""
    day(terminal)
    answer = close(terminal, shift(1, 7, *COUNTED[:1], *COUNTED[2:3], total("maestro", "refund", 2, 1300)))
    assert answer["status"] == "differs"
    assert answer["differences"] == [
        {
            "brand": "maestro",
            "type": "refund",
            "currency": "EUR",
            "device": {"count": 2, "amount": 1300},
            "books": {"count": 1, "amount": 300},
            "sequences": [[7, 7]],
        },
        {
            "brand": "visa",
            "type": "sale",
            "currency": "EUR",
            "device": {"count": 0, "amount": 0},
            "books": {"count": 1, "amount": 2000},
            "sequences": [[2, 2]],
        },
    ]
    assert ("shift_differs", "open") in discrepancies()
    row = Discrepancy.objects.get(kind="shift_differs")
    assert row.sequences == [[2, 2], [7, 7]]
    assert (row.amount, row.currency) == (-3000, "EUR")  # the device counts 30.00 less than the books


def test_a_transaction_of_the_shift_that_comes_late_closes_it(terminal: Device, discrepancies: Look) -> None:
    """A till that was offline closes its shift before its queue has left."""
    terminal.post(sale(1, 1000))
    answer = close(terminal, shift(1, 3, total("maestro", "sale", 3, 4000)))
    assert answer["status"] == "differs" and answer["differences"][0]["sequences"] == [[2, 3]]
    terminal.post(sale(2, 1000, offline=True))
    assert discrepancies() == [("shift_differs", "open")]
    [difference] = Shift.objects.get().differences
    assert difference["books"] == {"count": 2, "amount": 2000} and difference["sequences"] == [[3, 3]]
    terminal.post(sale(3, 2000, offline=True))
    assert discrepancies() == [("shift_differs", "resolved")]
    assert Shift.objects.get().status == "agrees"
    assert Event.objects.filter(type="terminal.shift_closed").count() == 1


def test_what_waits_for_its_original_is_not_in_the_books_yet(terminal: Device, discrepancies: Look) -> None:
    terminal.post(refund(2, 300, original={"sequence": 1}))
    totals = (total("maestro", "sale", 1, 1000), total("maestro", "refund", 1, 300))
    answer = close(terminal, shift(1, 2, *totals))
    assert {each["type"]: each["sequences"] for each in answer["differences"]} == {
        "sale": [[1, 1]],
        "refund": [[1, 2]],
    }
    terminal.post(sale(1, 1000))
    assert Shift.objects.get().status == "agrees"


def test_the_device_and_the_books_count_a_doubt_when_it_is_told(terminal: Device) -> None:
    """In doubt in the first shift, known in the second: it is a sale of the second, once."""
    terminal.post(sale(1, 1000), sale(2, 800, outcome="unknown"))
    assert close(terminal, shift(1, 2, total("maestro", "sale", 1, 1000)))["status"] == "agrees"
    terminal.post(sale(3, 800, resolves=2), sale(4, 1000, resolves=1))  # the second says what was known
    assert Shift.objects.get().status == "agrees"
    assert close(terminal, shift(3, 4, total("maestro", "sale", 1, 800), name="8"))["status"] == "agrees"


def test_the_same_shift_again_is_the_same_answer(terminal: Device) -> None:
    day(terminal)
    first = close(terminal, shift(1, 6, *COUNTED))
    assert close(terminal, shift(1, 6, *reversed(COUNTED)), 200) == first
    assert close(terminal, shift(1, 6, *COUNTED, total("visa", "refund", 0, 0)), 200) == first
    assert Shift.objects.count() == 1 and Event.objects.filter(type="terminal.shift_closed").count() == 1


def test_another_content_is_a_conflict_that_finance_is_told(terminal: Device, discrepancies: Look) -> None:
    day(terminal)
    first = close(terminal, shift(1, 6, *COUNTED))
    refused = refusal(terminal.send("/v1/terminal/shifts", shift(1, 6, *COUNTED[:2])), 409, "shift_conflict")
    assert refused["shift"] == first["id"]
    assert ShiftConflict.objects.count() == 1 and Shift.objects.get().status == "agrees"
    assert discrepancies() == [("shift_differs", "open")]
    # The same other content is no third version.
    refusal(terminal.send("/v1/terminal/shifts", shift(1, 6, *COUNTED[:2])), 409, "shift_conflict")
    assert ShiftConflict.objects.count() == 1


def test_a_corrected_repeat_that_agrees_closes_the_difference(terminal: Device, discrepancies: Look) -> None:
    day(terminal)
    close(terminal, shift(1, 6, *COUNTED[:3]))
    assert discrepancies() == [("shift_differs", "open")]
    refusal(terminal.send("/v1/terminal/shifts", shift(1, 6, *COUNTED)), 409, "shift_conflict")
    assert discrepancies() == [("shift_differs", "resolved")]
    kept = Shift.objects.get()
    assert kept.status == "agrees" and kept.corrected_by_id == ShiftConflict.objects.get().id
    # Both stand beside each other: nothing that the device said is lost.
    assert len(kept.totals) == 3 and len(ShiftConflict.objects.get().posted["totals"]) == 4


def test_a_shift_is_opened_and_closed(terminal: Device) -> None:
    body = shift(1, 6, *COUNTED)
    opening = {name: body[name] for name in ("shift", "opened_at", "first_sequence")}
    opened = close(terminal, opening)
    assert opened["status"] == "open"
    assert close(terminal, opening, 200) == opened
    assert not Event.objects.filter(type="terminal.shift_closed").exists()
    day(terminal)
    closed = close(terminal, body)
    assert (closed["id"], closed["status"]) == (opened["id"], "agrees")
    # What opened it comes once more, late: it is closed all the same.
    assert close(terminal, opening, 200) == closed


def test_shifts_that_overlap_are_told(terminal: Device, discrepancies: Look) -> None:
    day(terminal)
    first = close(terminal, shift(1, 3, total("maestro", "sale", 2, 1500), total("visa", "sale", 1, 2000)))
    second = close(
        terminal,
        shift(
            3,
            6,
            total("maestro", "sale", 1, 500),
            total("maestro", "reversal", 1, 500),
            total("maestro", "refund", 1, 300),
            name="8",
        ),
    )
    assert (first["status"], second["status"], second["differences"]) == ("agrees", "differs", [])
    assert second["overlaps"] == [first["id"]]
    assert discrepancies() == [("shift_differs", "open")]


def test_a_shift_without_transactions(terminal: Device) -> None:
    assert close(terminal, shift(1, 0))["status"] == "agrees"


def test_another_series_has_shifts_of_its_own(back_office: Api, terminal: Device, other_terminal: Device) -> None:
    terminal.post(sale(1, 1000))
    other_terminal.post(sale(1, 2000))
    assert close(terminal, shift(1, 1, total("maestro", "sale", 1, 1000)))["status"] == "agrees"
    assert close(other_terminal, shift(1, 1, total("maestro", "sale", 1, 2000)))["status"] == "agrees"


@pytest.mark.parametrize(
    ("wrong", "param", "code"),
    [
        ({"closed_at": "2026-11-20T07:00:00Z"}, "closed_at", "out_of_range"),
        ({"last_sequence": 3, "first_sequence": 9}, "last_sequence", "out_of_range"),
        ({"totals": [total("visa", "sale", 1, 1), total("Visa", "sale", 2, 2)]}, "totals[1]", "named_twice"),
        ({"totals": [total("visa", "tip", 1, 1)]}, "totals[0].type", "invalid_choice"),
        ({"totals": [total("visa", "sale", -1, 1)]}, "totals[0].count", "out_of_range"),
        ({"totals": [total("visa", "sale", 1, 1, "XXQ")]}, "totals[0].currency", "currency_unknown"),
        ({"totals": None}, "totals", "required"),
        ({"shift": ""}, "shift", "too_short"),
        ({"last_sequence": 5_000_000}, "last_sequence", "sequence_out_of_range"),
    ],
)
def test_what_cannot_be_read_is_refused(terminal: Device, wrong: dict[str, Any], param: str, code: str) -> None:
    body = {name: value for name, value in {**shift(1, 6, *COUNTED), **wrong}.items() if value is not None}
    answer = terminal.send("/v1/terminal/shifts", body)
    assert answer.status_code == 422, answer.content
    assert faults(answer) == {param: code}
    assert not Shift.objects.exists()


def test_a_sale_costs_no_more_round_trips_for_shifts(back_office: Api) -> None:
    without, with_shift = paired(back_office), paired(back_office)
    for device in (without, with_shift):
        device.post(sale(1, 1000))
    close(with_shift, shift(1, 1, total("maestro", "sale", 1, 1000)))

    def cost(device: Device) -> int:
        with CaptureQueriesContext(connection) as captured:
            device.post(sale(2, 1000))
        return len(captured)

    assert cost(with_shift) == cost(without)


def test_a_day_waits_for_shifts_that_are_open(terminal: Device, shop: Shop) -> None:
    """A terminal that closes shifts has closed them all; one that never does is asked for nothing."""

    def open_shifts(day: str) -> int:
        checks = state_of(day_of(shop.store, date.fromisoformat(day))).checks
        return next(check.count for check in checks if check.check == "shifts")

    terminal.post(sale(1, 1000))
    assert open_shifts("2026-11-20") == 0
    body = shift(1, 1, total("maestro", "sale", 1, 1000))
    close(terminal, {name: body[name] for name in ("shift", "opened_at", "first_sequence")})
    assert (open_shifts("2026-11-19"), open_shifts("2026-11-20")) == (0, 1)
    close(terminal, body)
    assert open_shifts("2026-11-20") == 0
    terminal.post(sale(2, 1000, occurred_at="2026-11-20T18:00:00Z"))
    assert (open_shifts("2026-11-19"), open_shifts("2026-11-20")) == (0, 1)
    close(terminal, shift(2, 2, total("maestro", "sale", 1, 1000), name="8"))
    assert open_shifts("2026-11-20") == 0


def test_finance_reads_a_shift_that_differs_in_both_languages(terminal: Device, shop: Shop) -> None:
    day(terminal)
    made = close(terminal, shift(1, 7, *COUNTED))
    client = browser(person("finance", shop.merchant.id, role=Role.Name.FINANCE))
    assert "differs" in page(client, "/admin/terminals/shift/")
    shown = page(client, f"/admin/terminals/shift/{made['id']}/change/")
    assert "Shift 7" in shown
    close(terminal, shift(8, 9, total("visa", "sale", 1, 4999), name="8"))
    client.cookies["django_language"] = "nl"
    shown = page(client, f"/admin/terminals/shift/{Shift.objects.get(label='8').id}/change/")
    assert "Kassadienst 8" in shown and "€ 49,99" in shown.replace("\xa0", " ") and "8–9" in shown
    text = page(client, "/admin/payments/discrepancy/")
    assert "telt € 49,99" in text.replace("\xa0", " ")


def test_finance_reads_the_shifts_of_all_terminals(
    shop: Shop, back_office: Api, terminal: Device, other_terminal: Device
) -> None:
    terminal.post(sale(1, 1000))
    differs, agrees = close(terminal, shift(1, 1)), close(other_terminal, shift(1, 0))
    api = shop.api()
    listed = api.get("/v1/terminals/shifts").json()["data"]
    assert [row["id"] for row in listed] == [agrees["id"], differs["id"]]
    assert [row["id"] for row in api.get("/v1/terminals/shifts", status="differs").json()["data"]] == [differs["id"]]
    by_terminal = api.get("/v1/terminals/shifts", terminal=other_terminal.terminal).json()["data"]
    assert [row["id"] for row in by_terminal] == [agrees["id"]]
    assert api.get(f"/v1/terminals/shifts/{differs['id']}").json() == differs
