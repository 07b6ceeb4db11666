"""Somebody who clicks on everything: from home, over every link and form that a page has, and types no address."""

import re
from collections import Counter, deque
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

SILENT = {"script", "style", "head", "svg", "template"}


class Page(HTMLParser):
    """The links and forms of a page, and the words that a reader sees, cell by cell."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.forms: list[tuple[str, str]] = []
        self.options: list[str] = []
        self.cells: list[tuple[tuple[str, ...], str]] = []
        self._open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if "hx-get" in given:
            self.links.append(given["hx-get"])
        if tag == "form":
            self.forms.append((given.get("method", "get").lower(), given.get("action", "")))
        if tag == "option":
            self.options.append(given.get("value", ""))
        if tag not in ("input", "br", "img", "meta", "link", "hr"):
            self._open.append((tag, given.get("class", "")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        tags = tuple(f"{tag}.{name}" if name else tag for tag, name in self._open)
        if words and not any(tag.split(".")[0] in SILENT for tag in tags):
            self.cells.append((tags, words))


@dataclass
class Seen:
    """One page, as it was answered."""

    address: str
    view: str
    status: int
    page: Page


@dataclass
class Crawl:
    """What one person reached, and what was wrong on the way.

    `rows` is how many addresses of one view are opened, `often` how many times a list in the same way (sorted,
    filtered); `combined`: also in several of these ways at once. Those who share `narrowed` do each of it once between
    them.
    """

    client: Client
    rows: int
    often: int
    combined: bool = False
    narrowed: Counter[str] = field(default_factory=Counter)
    seen: dict[str, Seen] = field(default_factory=dict)
    posts: set[str] = field(default_factory=set)
    options: set[str] = field(default_factory=set)

    def go(self, start: str = "/admin/") -> "Crawl":
        """Click on all that there is."""
        waiting, opened = deque([start]), Counter[str]()
        while waiting:
            address = waiting.popleft()
            kind = _kind(address)
            before, most = (self.narrowed, self.often) if urlsplit(address).query else (opened, self.rows)
            if address in self.seen or kind is None or before[kind] >= most:
                continue
            before[kind] += 1
            waiting.extend(self._open(address))
        return self

    @property
    def views(self) -> set[str]:
        """The names of all views that a click led to."""
        return {page.view for page in self.seen.values()}

    @property
    def wrong(self) -> list[str]:
        """Dead ends: pages that a link led to, and that were not there or not allowed."""
        return [f"{page.status} {page.address}" for page in self.seen.values() if page.status >= 400]

    def _open(self, address: str) -> list[str]:
        answer = self.client.get(address)
        view = _view_at(urlsplit(address).path)
        kind = answer.headers.get("Content-Type", "")
        text = answer.content.decode() if kind.startswith("text/html") else ""
        page = Page(text)
        self.seen[address] = Seen(address, view, answer.status_code, page)
        if 300 <= answer.status_code < 400:
            return [urljoin(address, answer.headers["Location"])]
        self.options.update(page.options)
        self.posts |= {self._view(urljoin(address, action)) for method, action in page.forms if method == "post"}
        gets = [action for method, action in page.forms if method == "get"]
        found = [_plain(urljoin(address, link)) for link in [*page.links, *gets]]
        return [link for link in found if self.combined or not _is_narrowed_again(address, link)]

    def _view(self, address: str) -> str:
        try:
            return _view_at(urlsplit(address).path)
        except Resolver404:
            return f"nothing at {address}"


def _plain(address: str) -> str:
    """The address of the page itself: neither a place in it, nor the list to go back to."""
    return address.partition("#")[0].partition("?_changelist_filters=")[0].removesuffix("?")


def _is_narrowed_again(page: str, link: str) -> bool:
    """Whether this leads from a list that is narrowed to the same list, narrowed in more ways."""
    return bool(urlsplit(page).query and urlsplit(link).query) and urlsplit(page).path == urlsplit(link).path


@cache
def _view_at(path: str) -> str:
    """The name of the view at a path; lists link to the same ones over and over."""
    return resolve(path).view_name


def _kind(address: str) -> str | None:
    """Which way of opening which view an address is; None for what is no page of the admin."""
    parts = urlsplit(address)
    if parts.netloc or not parts.path.startswith("/admin/") or re.search(r"/(logout|jsi18n)/", parts.path):
        return None
    try:
        view = _view_at(parts.path)
    except Resolver404:
        return f"nothing at {parts.path}"
    return f"{view}?{','.join(sorted(name for name, _ in parse_qsl(parts.query)))}"
