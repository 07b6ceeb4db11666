"""The page of worked examples tells what the services book, and tells it again when asked to."""

import os
from pathlib import Path
from typing import Any

import pytest

from payments.audit import check
from payments.ledger.audit import one_moment, violations
from tests.builders import open_shop
from tests.ledger.examples import WRITE
from tests.ledger.examples.cast import IBAN, Bloem
from tests.ledger.examples.page import INTRODUCTION, PAGE, chapter
from tests.ledger.examples.stories import STORIES
from tests.simulator import Receiver, RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_page_is_what_is_booked(
    simulator: RunningSimulator, receiver: Receiver, settings: Any, tmp_path: Path
) -> None:
    settings.PUBLIC_URL = receiver.url
    settings.MEDIA_ROOT = tmp_path
    chapters = [
        chapter(number, story, Bloem(open_shop(iban=IBAN), simulator, receiver))
        for number, story in enumerate(STORIES, 1)
    ]
    with one_moment():
        assert list(violations([check])) == []
    page = "\n".join([INTRODUCTION, *chapters])
    if os.environ.get(WRITE):
        PAGE.write_text(page)
    assert PAGE.read_text() == page, "If the books are right, write the page anew: python -m tests.ledger.examples"
