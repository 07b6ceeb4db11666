"""No point without a name, no name without a point, and no provider is asked without a point before and after it."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from payments.runtime.fail_points import POINTS
from tests.faults.lives import LIVES
from tests.test_architecture import called, holds_sql, modules, tree

ASKING = ("execute", "fetch")  # what of `Provider` goes out to somebody else
NOBODY_ELSE = ("cursor", "connection", "editor", "pipe", "super()")  # our own servers, by the names that they go by


def reached(node: ast.AST) -> Iterator[ast.Call]:
    """Calls of `fail_point` anywhere below."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "fail_point":
            yield call


def asks_a_provider(node: ast.AST) -> bool:
    """Whether a statement calls a provider: `.execute(call, credentials)`, not a cursor's or a pipeline's."""
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ASKING
        and not ast.unparse(call.func.value).endswith(NOBODY_ELSE)
        for call in ast.walk(node)
    )


def unguarded(module: ast.Module) -> Iterator[int]:
    """Lines on which a provider is asked without a point just before, or without one after in the same function."""
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            last = max((call.lineno for call in reached(function)), default=0)
            yield from _unguarded(function.body, last)


def _unguarded(block: list[ast.stmt], last: int) -> Iterator[int]:
    for before, statement in zip([None, *block], block, strict=False):
        inner = [
            *(getattr(statement, part, []) for part in ("body", "orelse", "finalbody")),
            *(handler.body for handler in getattr(statement, "handlers", [])),
        ]
        if any(inner):
            for each in inner:
                yield from _unguarded(each, last)
        elif asks_a_provider(statement):
            ready = isinstance(before, ast.Expr) and any(before.value is call for call in reached(before))
            if not ready or last <= statement.lineno:
                yield statement.lineno


def in_our_code(path: Path) -> bool:
    """Providers themselves, statements in SQL, and the wiring (which asks only the servers) ask otherwise."""
    return "providers" not in path.parts and not holds_sql(path) and not called(path).startswith("config/")


def test_every_point_that_is_reached_has_its_name_and_every_name_its_point() -> None:
    names = [ast.literal_eval(call.args[0]) for path in modules() for call in reached(tree(path)) if call.args]
    assert set(names) == set(POINTS)
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_every_point_is_broken_in_one_life() -> None:
    homes = {point: [name for name, life in LIVES.items() if point.startswith(life.own)] for point in POINTS}
    assert {point: lives for point, lives in homes.items() if len(lives) != 1} == {}


def test_no_provider_is_asked_without_a_point_before_and_after() -> None:
    requested = [path for path in modules() if in_our_code(path)]
    assert [f"{called(path)}:{line}" for path in requested for line in unguarded(tree(path))] == []


def test_an_unguarded_question_is_found() -> None:
    before = "def ask(provider):\n    fail_point('a')\n    provider.execute(1, 2)\n    fail_point('b')\n"
    assert list(unguarded(ast.parse(before))) == []
    for missing in ("    fail_point('a')\n", "    fail_point('b')\n"):
        assert list(unguarded(ast.parse(before.replace(missing, "")))) != []
