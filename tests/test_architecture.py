"""The house keeps its shape: what lies where, who may know what, and how large anything gets."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("config", "payments", "terminals", "reconciliation")
TOP_LEVEL = {
    *(
        "manage.py",
        "pyproject.toml",
        "README.md",
        "Makefile",
        "requirements.lock",
        "requirements-production.lock",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        ".pre-commit-config.yaml",
        ".gitignore",
        ".ci",
        ".dockerignore",
    ),
    *("Dockerfile", "compose.yaml", "LICENSE", "deploy", "tests", *PACKAGES),
}
LONGEST_MODULE = 330
LONGEST_SQL = 450
LONGEST_FUNCTION = 50
TRANSLATORS = ("payments/providers", "reconciliation/formats", "reconciliation/sources")
SQL_STATEMENT = re.compile(
    r"\s*(SELECT\b.+\bFROM\b|INSERT INTO\b|UPDATE\b.+\bSET\b|DELETE FROM\b|WITH\b.+\bAS\b)", re.DOTALL
)
MONEY = re.compile(r"amount|money|price|gross|balance|(^|_)(fee|net|tip|total|cents)(_|$)")
INDEX_HOST = re.compile(r"(pypi|pythonhosted)\.org|--(extra-)?index-url|--trusted-host")


@cache
def modules() -> tuple[Path, ...]:
    """Every Python file of ours but migrations and tests."""
    found = (path for package in PACKAGES for path in (PROJECT / package).rglob("*.py"))
    return tuple(sorted(path for path in found if "migrations" not in path.parts))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def called(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def holds_sql(path: Path) -> bool:
    """Raw SQL lies in files called sql.py, or in a folder sql/."""
    return path.name == "sql.py" or path.parent.name == "sql"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{called(path)}:{node.lineno} imports relatively"
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def committed() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git clone")
    return listed.stdout.splitlines()


def test_the_top_level_is_fixed() -> None:
    assert {name.split("/")[0] for name in committed()} <= TOP_LEVEL


def test_every_module_opens_with_what_it_is_for() -> None:
    assert [called(path) for path in modules() if path.stat().st_size and not ast.get_docstring(tree(path))] == []


def test_modules_and_functions_stay_small() -> None:
    long_modules = [
        called(path)
        for path in modules()
        if len(path.read_text().splitlines()) > (LONGEST_SQL if holds_sql(path) else LONGEST_MODULE)
    ]
    long_functions = [
        f"{called(path)}:{node.name}"
        for path in modules()
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert (long_modules, long_functions) == ([], [])


def test_raw_sql_stands_only_where_it_is_looked_for() -> None:
    outside = [
        f"{called(path)}:{node.lineno}"
        for path in modules()
        if not holds_sql(path)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_STATEMENT.match(node.value)
        if not is_docstring(path, node)
    ]
    assert outside == []


def test_translators_know_nothing_of_the_database() -> None:
    wrong = [
        f"{called(path)} imports {name}"
        for path in modules()
        if called(path).startswith(TRANSLATORS) and path.name != "registry.py"  # which loads them
        for name in imports(path)
        if re.match(r"django\.(?!conf\b)", name) or re.match(r"\w+\.(models|services|queries|ledger)\b", name)
    ]
    assert wrong == []


def test_nothing_happens_behind_ones_back() -> None:
    wrong = [
        f"{called(path)} imports {name}"
        for path in modules()
        for name in imports(path)
        if name.startswith(("django.dispatch", "django.db.models.signals", "django.core.signals", "celery.signals"))
    ]
    assert wrong == []


def test_models_have_no_rules_in_save() -> None:
    wrong = [
        f"{called(path)}:{node.name}"
        for path in modules()
        if "models" in path.parts or path.name == "models.py"
        for node in functions(path)
        if node.name in ("save", "delete", "clean", "full_clean")
    ]
    assert wrong == []


def test_money_is_never_a_float() -> None:
    wrong = [f"{called(path)}:{line}" for path in modules() for line in floating_money(tree(path))]
    assert wrong == []


def floating_money(module: ast.Module) -> Iterator[int]:
    """Lines with a column for fractions, and those where something named like money is or becomes a float."""
    for node in ast.walk(module):
        match node:
            case ast.Attribute(attr="FloatField" | "DecimalField"):
                yield node.lineno
            case ast.Call(func=ast.Name(id="float"), args=[value]) if MONEY.search(ast.unparse(value)):
                yield node.lineno
            case ast.AnnAssign(target=name, annotation=kind) | ast.arg(arg=name, annotation=kind) if kind:
                name = name if isinstance(name, str) else ast.unparse(name)
                if MONEY.search(name) and "float" in ast.unparse(kind):
                    yield node.lineno


def is_docstring(path: Path, node: ast.Constant) -> bool:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = (at.body[0] for at in ast.walk(tree(path)) if isinstance(at, holders) and at.body)
    return any(isinstance(first, ast.Expr) and first.value is node for first in bodies)


def test_no_package_index_is_named() -> None:
    names = [name for name in committed() if not name.startswith("tests/test_architecture")]
    texts = {
        name: (PROJECT / name).read_bytes().decode(errors="ignore") for name in names if (PROJECT / name).is_file()
    }
    assert [name for name, text in texts.items() if INDEX_HOST.search(text)] == []


@pytest.mark.parametrize("registry", ["PROVIDERS", "SETTLEMENT_FORMATS", "SETTLEMENT_SOURCES"])
def test_what_a_registry_names_exists(registry: str) -> None:
    paths = getattr(settings, registry)
    for path in paths.values() if isinstance(paths, dict) else paths:
        assert isinstance(import_string(path), type), path


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_can_be_imported(package: str) -> None:
    for path in modules():
        if called(path).startswith(f"{package}/") and path.name not in ("asgi.py", "wsgi.py"):
            import_module(called(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."))


LINKS, ADDRESSES = "payments/admin/base/links.py", "payments/admin/base/addresses.py"


def test_links_of_the_admin_are_made_in_one_place() -> None:
    """There it is asked whether a link leads the reader anywhere; one made elsewhere is a 403 or a 404 to somebody."""
    pages = [path for path in modules() if "admin" in path.relative_to(PROJECT).parts]
    assert len(pages) > 50
    elsewhere = {
        f"{called(path)}:{node.lineno} {fault}"
        for path in pages
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for fault in _bare_links(node.value)
        if called(path) != {"href": LINKS, "admin:": ADDRESSES}[fault]
    }
    assert elsewhere == set()


def _bare_links(text: str) -> Iterator[str]:
    """What of a link, and what of the address of a page, stands in a text."""
    if re.search(r"<a\b|\bhref=", text):
        yield "href"
    if text.startswith("admin:"):
        yield "admin:"


def test_the_readme_names_every_environment_variable() -> None:
    calls = re.compile(r'env\.(?:text|flag|integer|words)\(\s*"([A-Z_]+)"')
    read = {name for path in modules() for name in calls.findall(path.read_text())}
    inner = {"STREAMS", "END_WITH_PARENT"}  # what our own processes tell each other
    readme = (PROJECT / "README.md").read_text()
    assert {name for name in read - inner if f"`{name}`" not in readme} == set()
