"""The threat model names every entry point: each address, button, command, task and queue, and none that is gone."""

import re
from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.management import get_commands
from django.urls import URLResolver, get_resolver

from config.celery import app
from config.standalone import home

PAGE: Final = (home.PROJECT / "config" / "THREAT_MODEL.md").read_text()
OURS: Final = ("config", "payments", "terminals", "reconciliation", "payments.people", "payments.notify")
OF_EACH_PAGE: Final = {"add", "change", "delete", "history"}  # Django's own, behind each model's name
LONGEST: Final = 90  # lines that are still a page


def patterns(resolver: Any, above: str = "") -> Iterator[str]:
    for each in resolver.url_patterns:
        pattern = re.sub(r"^\^|\$$", "", str(each.pattern))
        if isinstance(each, URLResolver):
            yield from patterns(each, above + pattern)
        else:
            yield above + pattern


def routes() -> set[tuple[str, ...]]:
    """Every address, as its words: what stands in the place of an id is left out."""
    urls = {*patterns(get_resolver()), *patterns(get_resolver("config.stream_urls"))}
    without_ids = (re.sub(r"\(\?P<[^/]*\)|<[^>]+>", "", url) for url in urls)
    return {tuple(word for word in url.split("/") if word) for url in without_ids}


def is_of_app(words: tuple[str, ...]) -> bool:
    """Whether it is a model's page in the admin."""
    return (
        words[:1] == ("admin",) and len(words) > 2 and words[1] in {config.label for config in apps.get_app_configs()}
    )


def entry_points() -> set[str]:
    """As the page names them: the API's by resource, the admin's by app."""
    found = set()
    for words in routes():
        if is_of_app(words):
            found.add(f"/admin/{words[1]}/")
        elif words[:2] == ("v1", "events") or words[:1] == ("health",):
            found.add("/" + "/".join(words))
        else:
            found.add("/" + "/".join(words[: 2 if words[0] in ("v1", "admin") else 1]))
    return found


def pages() -> set[tuple[str, str]]:
    """App and model or button of the admin."""
    return {
        (words[1], word) for words in routes() if is_of_app(words) for word in words[2:] if word not in OF_EACH_PAGE
    }


def named(text: str) -> set[str]:
    return set(re.findall(r"`([^`\s]+)`", text))


def part(pattern: str) -> str:
    """What of the page stands in the pattern's group."""
    found = re.search(pattern, PAGE)
    assert found is not None, pattern
    return found[1]


def of_app(name: str) -> set[str]:
    """What stands behind an app's address, up to the next one or the end of the cell."""
    return named(re.split(r" \| | · `/admin", PAGE.split(f"`/admin/{name}/`:")[1])[0])


def test_every_door_is_named_and_none_that_is_gone() -> None:
    assert {name for name in named(PAGE) if name.startswith("/")} == entry_points()


def test_every_page_and_button_of_the_admin_is_named_behind_its_app() -> None:
    ours = pages()
    for name in {label for label, _ in ours}:
        assert of_app(name) == {word for label, word in ours if label == name}, name


def test_every_command_is_named() -> None:
    commands = {name for name, where in get_commands().items() if where in OURS}
    assert named(part(r"\*\*commands\*\*(.*)")) == commands


def test_every_task_and_queue_is_named() -> None:
    app.loader.import_default_modules()
    tasks = {name for name in app.tasks if name.startswith(("payments.", "terminals.", "reconciliation."))}
    assert named(PAGE.split("**Tasks**")[1].split("\n## ")[0]) == tasks
    queues = {settings.CELERY_TASK_DEFAULT_QUEUE, *(route["queue"] for route in settings.CELERY_TASK_ROUTES.values())}
    assert named(part(r"\*\*queues\*\* (.*?) \(")) == queues


def test_it_is_one_page() -> None:
    assert len(PAGE.splitlines()) <= LONGEST
