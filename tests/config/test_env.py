"""Settings are read from the environment, and a wrong value is refused by its name."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMETHING", "  ")
    assert env.text("SOMETHING", "else") == "else"
    assert env.integer("SOMETHING", 7) == 7
    assert env.flag("SOMETHING", True)


@pytest.mark.parametrize(("value", "meaning"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False)])
def test_a_flag_takes_the_usual_words(monkeypatch: pytest.MonkeyPatch, value: str, meaning: bool) -> None:
    monkeypatch.setenv("DEMO", value)
    assert env.flag("DEMO") is meaning


@pytest.mark.parametrize("value", ["maybe", "2", "-1"])
def test_a_flag_refuses_other_words_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DEMO", value)
    with pytest.raises(ImproperlyConfigured, match="DEMO must be 1 or 0"):
        env.flag("DEMO")


@pytest.mark.parametrize("value", ["eight", "-1", "8.5", "0"])
def test_a_number_out_of_bounds_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PORT", value)
    with pytest.raises(ImproperlyConfigured, match="PORT must be a whole number of at least 1"):
        env.integer("PORT", 8000, minimum=1)


def test_a_list_is_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENCRYPTION_KEYS", "new, old,")
    assert env.words("ENCRYPTION_KEYS", []) == ["new", "old"]


def test_a_database_url_is_taken_apart_and_its_options_handed_on() -> None:
    parts = env.database("DATABASE_URL", "postgresql://till:p%40ss@db.example:5433/shop?sslmode=require")
    assert (parts["USER"], parts["PASSWORD"], parts["HOST"], parts["PORT"], parts["NAME"]) == (
        "till", "p@ss", "db.example", "5433", "shop",
    )  # fmt: skip
    assert parts["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("url", "why"), [("mysql://a/b", "must begin with postgresql://"), ("postgresql://a@b", "must name a database")]
)
def test_a_database_url_that_cannot_work_is_refused_by_name(url: str, why: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"DATABASE_URL {why}"):
        env.database("DATABASE_URL", url)
