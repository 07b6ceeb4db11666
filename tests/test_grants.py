"""Nothing is granted that nobody asks about: each permission, scope and sensitive action is checked somewhere in the code."""

import ast
from functools import cache

import pytest

from payments.people.actions import RULES, Action
from payments.people.permissions import GRANTS, May
from payments.people.scopes import SCOPES
from tests.test_architecture import called, modules, tree

TABLES = {f"payments/people/{name}.py" for name in ("permissions", "actions", "scopes")}


@cache
def named() -> set[str]:
    """Every `May.X`, `Action.X` and text in the code, outside the tables that hand them out."""
    found = set()
    for path in modules():
        if called(path) in TABLES:
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.add(f"{node.value.id}.{node.attr}")
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


@pytest.mark.parametrize("action", Action)
def test_every_sensitive_action_passes_the_gate_somewhere(action: Action) -> None:
    assert f"Action.{action.name}" in named()


@pytest.mark.parametrize("what", May)
def test_every_permission_is_checked_somewhere(what: May) -> None:
    by_rule = {needed for rule in RULES.values() for needed in (rule.needs, rule.decides)}
    assert f"May.{what.name}" in named() or what in by_rule


@pytest.mark.parametrize("what", May)
def test_every_permission_is_given_to_somebody(what: May) -> None:
    assert any(what in granted for granted in GRANTS.values())


@pytest.mark.parametrize("scope", SCOPES)
def test_every_scope_opens_an_address(scope: str) -> None:
    assert scope in named()
