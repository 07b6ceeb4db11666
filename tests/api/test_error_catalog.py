"""Every code that a refusal can have is told at `/v1/errors`, in plain English, and no other one is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from payments.api import errors as answers
from payments.api.error_catalog import ERRORS
from tests.api.client import Api, refusal
from tests.api.conftest import Shop

CODE = re.compile(r"[a-z]+(_[a-z0-9]+)+")
PROJECT = Path(__file__).resolve().parents[2]
REFUSALS = {"Invalid", "Conflict", "Forbidden", "Malformed", "Unauthenticated", "TooLarge", "TooMany", "Fault"}
# Beside the API: the simulator answers for itself, commands to whoever typed them, and some services only to people.
ELSEWHERE = (
    "payments/providers/simulator",
    "config/sandbox/",
    "management",
    "migrations",
    "/admin/",
    "services/colleagues.py",
    "services/one_time_links.py",
    "services/second_factors.py",
    "services/sign_in_attempts.py",
    "terminals/services/counter/",
)
# Where the types of inputs are.
INPUTS = ("/core/input", "/api/", "terminals/schemas.py")
# Said elsewhere than in a call: by the status of a framework's answer, or counted out of a table.
OTHERS = {code for code, _ in answers._PLAIN.values()} | {"idempotency_in_progress", "terminal_busy", "unknown_field"}


def modules() -> Iterator[Path]:
    for package in ("config", "payments", "terminals", "reconciliation"):
        for path in sorted((PROJECT / package).rglob("*.py")):
            if not any(part in str(path.relative_to(PROJECT)) for part in ELSEWHERE):
                yield path


def codes() -> Iterator[tuple[str, str]]:
    """Each code that stands where a refusal is made, and where that is."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in REFUSALS:
                at = 1 if getattr(node.func, "id", "") == "Fault" else 0
                match node.args[at:]:
                    case [ast.Constant(value=code), *_]:
                        yield str(code), f"{path.relative_to(PROJECT)}:{node.lineno}"
            if isinstance(node, ast.Tuple) and any(part in str(path) for part in INPUTS):
                yield from ((code, f"{path.relative_to(PROJECT)}:{node.lineno}") for code in coded(node))


def coded(node: ast.Tuple) -> Iterator[str]:
    """The code of a code beside its sentence, as the types of inputs note them; nothing of another pair."""
    if len(node.elts) != 2:
        return
    code, sentence = node.elts
    if not isinstance(code, ast.Constant):
        return
    end = sentence.values[-1] if isinstance(sentence, ast.JoinedStr) else sentence
    text = str(end.value) if isinstance(end, ast.Constant) else ""
    if CODE.fullmatch(str(code.value)) and text.endswith((".", '"')) and " " in ast.unparse(sentence):
        yield str(code.value)


def test_every_code_that_is_answered_is_in_the_catalog() -> None:
    assert [f"{code} ({where})" for code, where in codes() if code not in ERRORS] == []


def test_every_code_of_the_catalog_can_be_answered() -> None:
    sources = "".join(path.read_text() for path in modules() if path.name != "guide.py")
    assert [code for code in ERRORS if f'"{code}"' not in sources and code not in OTHERS] == []


@pytest.mark.parametrize("code", ERRORS)
def test_each_text_is_a_sentence(code: str) -> None:
    text = ERRORS[code]
    assert text[0].isupper()
    assert text.endswith(".")
    assert not {"wish", "told", "whoever", "deed", "is no "} & set(text.lower().split()), text


def test_they_are_listed_for_programs_and_for_people() -> None:
    listed = Client().get("/v1/errors").json()["data"]
    assert [one["code"] for one in listed] == list(ERRORS)
    page = Client().get("/v1/errors", headers={"Accept": "text/html"})
    assert all(code in page.content.decode() for code in ERRORS)
    one = Client().get("/v1/errors/amount_exceeds_due")
    assert "amount_exceeds_due" in one.content.decode()


def test_a_code_that_does_not_exist_is_not_found() -> None:
    refusal(Client().get("/v1/errors/nope"), 404, "not_found")


@pytest.mark.django_db
def test_programs_are_told_in_english_whatever_they_say_they_read(shop: Shop) -> None:
    api: Api = shop.api()
    plain = api.post("/v1/payments", {"amount": -1, "surprise": 1}).json()
    api.http.defaults["HTTP_ACCEPT_LANGUAGE"] = "nl"
    dutch = api.post("/v1/payments", {"amount": -1, "surprise": 1}).json()
    assert [fault["detail"] for fault in dutch["errors"]] == [fault["detail"] for fault in plain["errors"]]
    assert "This field is required." in [fault["detail"] for fault in dutch["errors"]]
