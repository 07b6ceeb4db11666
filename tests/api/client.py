"""An API client for tests: JSON in, JSON out, a new Idempotency-Key for every request."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from tests.api import conformity
from tests.responses import ClientResponse


@dataclass
class Api:
    """One API key and what it is answered."""

    key: str = ""
    http: Client = field(default_factory=Client)

    def get(self, path: str, **parameters: Any) -> ClientResponse:
        return self._held("GET", path, self.http.get(path, parameters, headers=self.headers()))

    def delete(self, path: str) -> ClientResponse:
        return self._held("DELETE", path, self.http.delete(path, headers=self.headers()))

    def patch(self, path: str, body: Any) -> ClientResponse:
        content = json.dumps(body)
        return self._held("PATCH", path, self.http.patch(path, content, "application/json", headers=self.headers()))

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        idempotency_key: str | None = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
    ) -> ClientResponse:
        headers = self.headers() | {"Idempotency-Key": idempotency_key or secrets.token_hex(8)}
        content = raw if raw is not None else json.dumps(body if body is not None else {}).encode()
        return self._held("POST", path, self.http.generic("POST", path, content, content_type, headers=headers))

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def _held(self, method: str, path: str, response: ClientResponse) -> ClientResponse:
        """Every answer is held against the OpenAPI document."""
        conformity.check(method, path, response)
        return response


def refusal(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """The members of a refusal, after a look at its form."""
    members: dict[str, Any] = json.loads(response.content)
    assert (response.status_code, members.get("code")) == (status, code), members
    assert response["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "param", "request_id"} <= members.keys()
    assert members["status"] == status
    assert members["request_id"] == response["Request-Id"]
    return members


def faults(response: ClientResponse) -> dict[str | None, str]:
    """The code of each fault by its place."""
    members = json.loads(response.content)
    assert response.status_code == 422, members
    return {fault["param"]: fault["code"] for fault in members["errors"]}
