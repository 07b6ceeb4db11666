"""Everything that is said to people is said in Dutch too, and the compiled catalogs say what their sources say."""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.utils.functional import Promise

PROJECT = Path(__file__).resolve().parent.parent
CATALOGS = sorted(
    path
    for package in ("config", "payments", "terminals", "reconciliation")
    for path in (PROJECT / package).rglob("locale/**/django.po")
)
QUOTED = re.compile(r'^"(.*)"$', re.MULTILINE)
GETTEXT_CALLS = {"_", "gettext", "gettext_noop", "gettext_lazy", "ngettext", "pgettext", "pgettext_lazy"}
IN_TEMPLATES = re.compile(r"{% (?:translate|trans) (?:\"([^\"]+)\"|'([^']+)')(?: context \"([^\"]+)\")?")


def entries(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Each message (with its context in front, as compiled) and its translations."""
    for block in path.read_text().split("\n\n")[1:]:
        lines = re.split(r"^(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) ", block, flags=re.MULTILINE)[1:]
        text = [(key, text_of(value)) for key, value in zip(lines[::2], lines[1::2], strict=True)]
        parts = dict(text)
        context = f"{parts['msgctxt']}\x04" if "msgctxt" in parts else ""
        yield context + parts["msgid"], [value for key, value in text if key.startswith("msgstr")]


def text_of(quoted: str) -> str:
    return "".join(str(ast.literal_eval(f'"{part}"')) for part in QUOTED.findall(quoted))


def compiled(path: Path) -> gettext.GNUTranslations:
    with path.with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


@pytest.mark.parametrize("path", CATALOGS, ids=[str(path.relative_to(PROJECT)) for path in CATALOGS])
def test_nothing_is_left_untranslated_and_the_compiled_catalog_says_the_same(path: Path) -> None:
    catalog = compiled(path)
    known = dict(entries(path))
    assert [message for message, translations in known.items() if not all(translations)] == []
    assert "fuzzy" not in path.read_text()
    for message, translations in known.items():
        if len(translations) == 1:
            assert catalog.gettext(message) == translations[0]
        else:
            assert [catalog.ngettext(message, message, count) for count in (1, 2)] == translations


@pytest.mark.parametrize("path", CATALOGS, ids=[str(path.relative_to(PROJECT)) for path in CATALOGS])
def test_placeholders_survive(path: Path) -> None:
    named = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
    for message, translations in entries(path):
        for translation in translations:
            assert set(named.findall(translation)) == set(named.findall(message)), message


def test_what_the_sources_say_is_in_a_catalog() -> None:
    django = {"Yes", "No", "Save"}
    known = {message for path in CATALOGS for message, _ in entries(path)} | django
    quoted_text = {
        text for package in ("config", "payments", "terminals", "reconciliation") for text in sayings(package)
    }
    assert sorted(quoted_text - known) == []


def sayings(package: str) -> Iterator[str]:
    """What is said to people, a context in front as it is compiled: without its entry another word's translation shows."""
    for path in (PROJECT / package).rglob("*.py"):
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GETTEXT_CALLS:
                words = [str(at.value) for at in node.args if isinstance(at, ast.Constant)]
                if words:
                    yield "\x04".join(words[:2] if node.func.id.startswith("pgettext") else words[:1])
    for path in (PROJECT / package).rglob("templates/**/*.html"):
        for one, other, context in IN_TEMPLATES.findall(path.read_text()):
            yield f"{context}\x04{one or other}" if context else one or other


def test_every_app_has_a_catalog_in_every_language() -> None:
    for app in (
        "config",
        "payments",
        "payments/ledger",
        "payments/people",
        "payments/notify",
        "terminals",
        "reconciliation",
    ):
        for code, _ in settings.LANGUAGES[1:]:
            assert (PROJECT / app / "locale" / code / "LC_MESSAGES" / "django.mo").exists(), (app, code)


def columns() -> Iterator[tuple[str, Any]]:
    """The columns of ours that some list, filter or page of the admin shows by their own name."""
    for model, page in admin.site._registry.items():
        wanted = [*page.list_display, *(page.fields or ()), *page.readonly_fields, *page.list_filter]
        wanted = [name[0] if isinstance(name, tuple) else name for name in wanted]
        for field in model._meta.get_fields():
            if field.name in wanted and not hasattr(page, field.name) and field.name != "id":
                yield f"{model._meta.label}.{field.name}", field


def test_a_column_that_is_shown_has_a_name_in_every_language() -> None:
    alike = {"iban", "rrn", "stan", "sha256", "terminal", "endpoint"}
    nameless = [name for name, field in columns() if not isinstance(field.verbose_name, Promise)]
    assert [name for name in nameless if name.rpartition(".")[2] not in alike] == []
