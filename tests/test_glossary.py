"""The catalogs against the glossary: one word for one thing, in each language and in every app."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.test_language import CATALOGS, PROJECT, entries

GLOSSARY = PROJECT / "config" / "locale" / "glossary.toml"
TERMS: list[dict[str, Any]] = tomllib.loads(GLOSSARY.read_text())["term"]
OURS = [path for path in CATALOGS if "unfold" not in path.parts]
PLACES = re.compile(
    r"%\(\w+\)[sd]|\{\{ \w+ \}\}|\{\w+\}"
)  # what is filled in has a name of the code, not of the glossary


def texts() -> Iterator[tuple[str, str, str]]:
    """Every text: its context, its English, one of its Dutch forms."""
    for path in OURS:
        for message, translations in entries(path):
            context, _, english = message.rpartition("\x04")
            for dutch in translations:
                yield context, english, dutch


TEXTS = list(texts())


def names(text: str, variants: list[str]) -> list[str]:
    """The variants that stand in a text as whole words."""
    words = PLACES.sub(" ", text)
    return [one for one in variants if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", words, re.IGNORECASE)]


@pytest.mark.parametrize("term", TERMS, ids=[term["en"] for term in TERMS])
def test_a_term_is_said_in_one_way(term: dict[str, Any]) -> None:
    english = [(text, found) for _, text, _ in TEXTS if (found := names(text, term.get("never_en", [])))]
    dutch = [(text, found) for _, _, text in TEXTS if (found := names(text, term.get("never_nl", [])))]
    assert english == []
    assert dutch == []


@pytest.mark.parametrize("term", TERMS, ids=[term["en"] for term in TERMS])
def test_a_term_is_translated_as_the_glossary_has_it(term: dict[str, Any]) -> None:
    wanted, context = placed(term["en"]), term.get("context", "")
    found = {dutch for where, english, dutch in TEXTS if where == context and english.lower() == wanted.lower()}
    assert {dutch.lower() for dutch in found} <= {placed(term["nl"]).lower()}


def placed(text: str) -> str:
    """A template's {{ now }} as the catalogs keep it."""
    return re.sub(r"\{\{ (\w+) \}\}", r"%(\1)s", text)


def test_every_term_is_defined_once_and_forbids_no_other() -> None:
    english = [(term["en"], term.get("context", "")) for term in TERMS]
    assert len(english) == len(set(english))
    right = [term["nl"] for term in TERMS]
    assert [(nl, term["en"]) for term in TERMS for nl in right if names(nl, term.get("never_nl", []))] == []


def test_a_text_has_one_translation_in_all_apps() -> None:
    """The catalogs are merged, and the first app's wins: another one's own word would never be seen."""
    told: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for path in OURS:
        for message, translations in entries(path):
            told[message].add(tuple(translations))
    assert {message: words for message, words in told.items() if len(words) > 1} == {}


def test_a_text_stands_in_a_catalog_once() -> None:
    for path in OURS:
        messages = [message for message, _ in entries(path)]
        assert sorted({one for one in messages if messages.count(one) > 1}) == [], path
