"""Ids sort by the moment they were made, also by one that is past."""

from datetime import UTC, datetime, timedelta

import pytest

from payments.core.ids import earliest, is_id, made_at, made_in, new_id

PAST = datetime(2025, 3, 30, 12, 0, tzinfo=UTC)


def test_ids_of_a_past_moment_lie_in_their_place() -> None:
    before = new_id("pay")
    with made_in(PAST):
        first, second = new_id("pay"), new_id("pay")
    after = new_id("pay")
    assert first < second < before < after
    assert made_at(first) == PAST
    assert is_id(first, "pay")


def test_no_id_of_a_moment_sorts_before_its_earliest() -> None:
    with made_in(PAST):
        made = new_id("pay")
    assert earliest("pay", PAST) <= made < earliest("pay", PAST + timedelta(milliseconds=1))
    assert earliest("pay", datetime(1, 1, 1, tzinfo=UTC)) < made


@pytest.mark.parametrize(
    "id_", ["", "pay", "pay_1", "pay_06h2tsv7d400jrw0nk591kttxu", "PAY_06h2tsv7d400jrw0nk591kttx8"]
)
def test_what_is_no_id_of_ours_was_made_at_no_moment(id_: str) -> None:
    with pytest.raises(ValueError, match="no id of ours"):
        made_at(id_)
