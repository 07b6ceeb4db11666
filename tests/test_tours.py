"""CONTRIBUTING follows a sale and a refund file by file; both are performed here, and pass through those files in that order."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

import pytest

from payments import tasks
from payments.models import Operation, Refund
from tests.api.conftest import Shop
from tests.api.conftest import open_shop as open_shop
from tests.api.conftest import shop as shop
from tests.terminals.conftest import back_office as back_office
from tests.terminals.conftest import terminal as terminal
from tests.terminals.device import Device, sale

PROJECT = Path(__file__).resolve().parent.parent
MOST_FILES = 14
STEP = re.compile(r"^\d+\. `([\w/.]+)` `(\w+)` ", re.MULTILINE)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]
Steps = list[tuple[str, str]]


def tour(heading: str) -> Steps:
    """The files and functions that a section of CONTRIBUTING names."""
    section = (PROJECT / "CONTRIBUTING.md").read_text().split(f"\n## {heading}\n")[1].partition("\n## ")[0]
    return STEP.findall(section)


@contextmanager
def watched() -> Iterator[Callable[[Steps], Steps]]:
    """Notes every function of ours that is entered; gives a function that puts steps in the order of their first call."""
    entered: dict[CodeType, int] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            entered.setdefault(frame.f_code, len(entered))

    def in_order(steps: Steps) -> Steps:
        first: dict[tuple[str, str], int] = {}
        for code, number in entered.items():
            path = code.co_filename.removeprefix(f"{PROJECT}/")
            first.setdefault((path, code.co_name), number)
        return sorted((step for step in steps if step in first), key=first.__getitem__)

    sys.setprofile(note)
    try:
        yield in_order
    finally:
        sys.setprofile(None)


def check_length(steps: Steps) -> None:
    files = [path for path, _ in steps]
    assert 0 < len(files) <= MOST_FILES
    assert len(set(files)) == len(files), "a file is visited twice"


def test_from_a_terminals_request_to_its_posting(terminal: Device) -> None:
    steps = tour("From a terminal's request to its posting")
    check_length(steps)
    terminal.post(sale(1, 990))  # what is looked up once a process is not part of the way
    with watched() as in_order:
        assert terminal.post(sale(2, 1250)).status_code == 201
    assert in_order(steps) == steps


def test_from_a_refund_in_the_store_to_the_provider(shop: Shop) -> None:
    steps = tour("From a refund in the store to the provider")
    check_length(steps)
    api = shop.api()
    online = api.post(
        "/v1/payments",
        {"order_reference": "T-1001", "amount": 5000, "currency": "EUR", "method": "card", "channel": shop.webshop.id},
    )
    body = {"payment": online.json()["id"], "amount": 2500, "reason": "Does not fit.", "channel": shop.store.id}
    with watched() as in_order:
        requested = api.post("/v1/refunds", body)
        assert requested.status_code == 201, requested.content
        tasks.submit(Operation.objects.get(refund_part__refund_id=requested.json()["id"]).id)
    assert Refund.objects.get().status == "succeeded"
    assert in_order(steps) == steps
