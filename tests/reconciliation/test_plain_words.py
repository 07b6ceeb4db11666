"""What a bookkeeper reads about a file that cannot be imported: her words, and never a parser's own."""

import ast
import io
import re
from pathlib import Path

import pytest
from django.utils import translation

import reconciliation
from reconciliation.admin.problems import problem
from reconciliation.formats.base import Problem
from reconciliation.registry import formats
from tests.reconciliation.conftest import Line, settlement_csv

GOLDEN = Path(__file__).parent / "golden"
PARSERS = re.compile(
    r"isoformat|LineType|XML_PARSE|Excessive|Traceback|codec|NoneType|decimal\.|invalid literal|ConversionSyntax"
    r"|unexpected end|new-line character|Opening and ending tag|StartTag|worker's log|is not a valid|EOF|CRC"
)


def texts(code: str, content: bytes) -> list[str]:
    return [record.detail for record in formats()[code].parse(io.BytesIO(content)) if isinstance(record, Problem)]


CAMT = (GOLDEN / "camt053.xml").read_bytes()
OWN = settlement_csv(Line(100)).encode()
STRIPE = (GOLDEN / "stripe_payout.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("camt053", CAMT.replace(b"<Dt>2026-11-23</Dt>", b"<Dt>23-11-2026</Dt>")),
        ("camt053", CAMT.replace(b"<Dt>2026-11-23</Dt>", b"<DtTm>2026-11-23T25:00</DtTm>")),
        ("camt053", CAMT.replace(b"<Stmt>", b"<Stmt>" + b"<a>" * 500)),
        ("camt053", CAMT.replace(b"</Bal>", b"</Bla>")),
        ("camt053", CAMT[:900]),
        ("simulator_csv", OWN.replace(b",sale,", b",Sale,")),
        ("simulator_csv", re.sub(rb"20\d\d-\d\d-\d\dT", b"31-12-2014 ", OWN)),
        ("simulator_csv", OWN.replace(b"L,", b'L,"')),
        ("stripe_payout", STRIPE.replace(b'"amount":2761', b'"amount":"x"')),
        ("stripe_payout", STRIPE.replace(b"{", b"[")),
    ],
)
def test_a_fault_is_told_without_a_parsers_own_words(code: str, content: bytes) -> None:
    found = texts(code, content)
    assert found
    assert [text for text in found if PARSERS.search(text)] == []


def test_every_code_of_a_problem_has_a_dutch_sentence() -> None:
    with translation.override("nl"):
        untold = sorted(code for code in problem_codes() if problem(code, "detail") == "detail")
    assert untold == []


def problem_codes() -> set[str]:
    """Each code that a reader or an importer writes into a file's problems."""
    folder = Path(reconciliation.__file__).parent
    calls = [
        node
        for path in [*folder.glob("formats/*.py"), *folder.glob("services/*.py")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Problem", "Unreadable")
    ]
    codes = [call.args[1] for call in calls if len(call.args) > 1]
    return {str(code.value) for code in codes if isinstance(code, ast.Constant)}
