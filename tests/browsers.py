"""A real browser for tests, where one is installed, and what it complained about."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PATIENCE = 60_000  # milliseconds that a slow machine may take


@contextmanager
def a_browser() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
        connections.close_all()  # Django has opened another for the thread's event loop


def page_of(browser: Any, complaints: list[str], **look: Any) -> Any:
    """A page of its own; errors of scripts and refusals of the content security policy become complaints."""
    page = browser.new_context(**look).new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda text: complaints.append(text.text) if "Content Security" in text.text else None)
    return page
