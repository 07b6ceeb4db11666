"""The demo's webshops and tills: plain clients of the API, as anybody would write one."""

import logging
import uuid
from typing import Any, Final

import httpx
from django.conf import settings

logger: Final = logging.getLogger(__name__)


class Api:
    """One key, and a new Idempotency-Key for each POST."""

    def __init__(self, key: str) -> None:
        self._http = httpx.Client(
            base_url=settings.PUBLIC_URL,
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=30,
        )

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """POST JSON and return the object; None if it was refused, which is logged."""
        answer = self._http.post(path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
        return _object(answer, path)

    def upload(self, path: str, name: str, content: bytes) -> dict[str, Any] | None:
        """POST one file."""
        answer = self._http.post(path, files={"file": (name, content)}, headers={"Idempotency-Key": uuid.uuid4().hex})
        return _object(answer, path)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET one object."""
        answer = self._http.get(path, params=query)
        answer.raise_for_status()
        return dict(answer.json())

    def visit(self, url: str, action: str) -> None:
        """Be the customer on the payment page: open it, and press one of its buttons."""
        self._http.get(url, headers={"Authorization": ""})
        self._http.post(url, data={"action": action}, headers={"Authorization": ""}, follow_redirects=False)

    def page(self, url: str) -> str:
        """What a customer reads at an address."""
        return self._http.get(url, headers={"Authorization": ""}).text

    def press(self, url: str, form: dict[str, str]) -> str:
        """Post a customer's form. Return the URL of the redirect."""
        answer = self._http.post(url, data=form, headers={"Authorization": ""}, follow_redirects=False)
        return str(httpx.URL(url).join(answer.headers.get("location", url)))


class Provider:
    """The simulated provider's own side: what its dashboard, its bank and its acquirer do."""

    def __init__(self) -> None:
        self._http = httpx.Client(base_url=settings.SIMULATOR_URL, trust_env=False, timeout=30)

    def post(self, path: str, body: Any) -> httpx.Response | None:
        """POST JSON; None where it was refused."""
        answer = self._http.post(path, json=body)
        if answer.is_error:
            logger.info("simulator: %s %s %s", path, answer.status_code, answer.text[:300])
            return None
        return answer


def _object(answer: httpx.Response, path: str) -> dict[str, Any] | None:
    if answer.is_error:
        problem = answer.json() if answer.headers.get("content-type", "").endswith("json") else {}
        logger.info("%s: %s %s", path, answer.status_code, problem.get("code"))
        return None
    return dict(answer.json())
