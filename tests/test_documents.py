"""What the documents name exists: paths, links, headings, make targets, commands, modules and tasks."""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.core.management import get_commands

from tests.test_architecture import PACKAGES, PROJECT, TOP_LEVEL, committed

FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
MAKE = re.compile(r"(?<![\w-])make ((?:[A-Z_]+=\S* )*)([a-z]+)\b")
MANAGE = re.compile(r"manage\.py ([a-z_]+)")
MODULE = re.compile(r"-m (tests[\w.]*)")
FILE = re.compile(r"[\w.-]+\.(?:py|md|lock|toml|yaml|yml|sql|xml|csv|json|sh|po)")
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?")
DOTTED = re.compile(rf"(?:{'|'.join((*PACKAGES, 'tests'))})(?:\.\w+)+")
PLACEHOLDER = re.compile(r"\b[A-Z]{2,}\b|your_|…")
FIELDS_OF_ONETILL_HOME = {"secrets.json", "mail", "files"}  # made when it runs
WRITTEN = {"sbom.json", "link.json", "statement.xml", "file.csv", "export.csv"}  # by what a reader types


def documents() -> list[str]:
    return [name for name in committed() if name.endswith(".md") and (PROJECT / name).exists()]


def text_of(name: str) -> str:
    return (PROJECT / name).read_text()


def quoted(name: str) -> Iterator[str]:
    """What stands in code type in the running text."""
    yield from CODE.findall(FENCE.sub("", text_of(name)))


@pytest.mark.parametrize("name", documents())
def test_links_lead_somewhere(name: str) -> None:
    dead = []
    for link in LINK.findall(FENCE.sub("", text_of(name))):
        path, _, heading = link.partition("#")
        if "://" in path or path.startswith("mailto:"):
            continue
        target = (PROJECT / name).parent / path if path else PROJECT / name
        if not target.exists() or (heading and heading not in anchors(target)):
            dead.append(link)
    assert dead == []


def anchors(path: Path) -> set[str]:
    """The names by which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", documents())
def test_paths_exist(name: str) -> None:
    assert [text for text in quoted(name) if is_path(text) and not exists(text, beside=(PROJECT / name).parent)] == []


def is_path(text: str) -> bool:
    """A file's name, or a path that begins with a folder of ours; addresses, placeholders and what is written later are none."""
    if PLACEHOLDER.search(text) or text in WRITTEN | FIELDS_OF_ONETILL_HOME:
        return False
    return bool(FILE.fullmatch(text) or (PATH.fullmatch(text) and (text.endswith((".py", "/")) or is_ours(text))))


def is_ours(text: str) -> bool:
    return text.partition("/")[0] in TOP_LEVEL


def exists(text: str, *, beside: Path) -> bool:
    """From the root, from the document's own folder, or (a file's bare name) anywhere below that."""
    if (PROJECT / text).exists() or (beside / text).exists():
        return True
    return "/" not in text and any(found for found in beside.rglob(text) if ".venv" not in found.parts)


@pytest.mark.parametrize("name", documents())
def test_make_targets_exist(name: str) -> None:
    targets = set(TARGET.findall((PROJECT / "Makefile").read_text()))
    text = text_of(name)
    quoted_text = [*CODE.findall(text), *FENCE.findall(text)]
    assert {target for part in quoted_text for _, target in MAKE.findall(part)} - targets == set()


@pytest.mark.parametrize("name", documents())
def test_commands_and_modules_exist(name: str) -> None:
    text = text_of(name)
    assert set(MANAGE.findall(text)) - set(get_commands()) == set()
    assert [module for module in set(MODULE.findall(text)) if find_spec(module) is None] == []


def test_the_table_of_commands_lists_commands() -> None:
    table = text_of("README.md").split("\n## Commands\n")[1].split("\n## ")[0]
    first_column = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {text.split()[0] for cell in first_column for text in CODE.findall(cell)}
    assert named
    assert named - set(get_commands()) == set()


@pytest.mark.parametrize("name", documents())
def test_modules_and_what_is_in_them_exist(name: str) -> None:
    assert [text for text in quoted(name) if DOTTED.fullmatch(text) and not resolves(text)] == []


def resolves(dotted: str) -> bool:
    """A module, something in one, or a task."""
    current_app.loader.import_default_modules()
    if dotted in current_app.tasks:
        return True
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        try:
            found = import_module(name)
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


def test_settings_that_documents_name_exist() -> None:
    named = {
        text.removeprefix("settings.") for name in documents() for text in quoted(name) if text.startswith("settings.")
    }
    assert {name for name in named if not hasattr(settings, name)} == set()
