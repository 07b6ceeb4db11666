"""The suite `access` takes as much of the admin as there is time for, and tells what it took."""

import time
from typing import Any

import pytest

from tests.access.sizes import ADMIN_CASES
from tests.soak import access


@pytest.mark.parametrize(("minutes", "step"), [(600, 1), (40, 1), (20, 2), (5, 8), (0, 40)])
def test_fewer_minutes_take_fewer_cases(minutes: int, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(access, "prove", lambda soak, *paths, **more: asked.append({"soak": soak} | more))
    list(access.access(time.monotonic() + minutes * 60 + 1))
    assert [each["soak"] for each in asked] == ["access.api", "access.ways", "access.admin"]
    assert asked[-1]["sizes"] == {"MATRIX": "full", "STEP": step}
    assert asked[-1]["cases"] == ADMIN_CASES // step
