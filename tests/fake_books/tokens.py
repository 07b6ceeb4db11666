"""OAuth as the packages do it: access tokens that end, refresh tokens that rotate and are good for one use."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from tests.fake_books.server import Refusal, Request


@dataclass
class Tokens:
    """What a package has given out. `rotates`: each refresh token is used once; `early`: seconds before the end."""

    lives: float = 600.0
    rotates: bool = True
    early: float | None = None  # a refresh that comes earlier than this before the end is refused
    refresh: str = ""
    used: list[str] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    access: dict[str, float] = field(default_factory=dict)
    refreshed: int = 0

    def code(self) -> str:
        """A person has signed in: what their browser brings back."""
        code = secrets.token_hex(8)
        self.codes.add(code)
        return code

    def exchange(self, request: Request) -> tuple[int, Any]:
        """The token endpoint."""
        form = request.body
        match form.get("grant_type"):
            case "authorization_code" if form.get("code") in self.codes:
                self.codes.discard(form["code"])
            case "refresh_token":
                self._use(form.get("refresh_token", ""))
            case _:
                raise Refusal(400, {"error": "invalid_grant", "error_description": "The code is not good."})
        return 200, self.given()

    def given(self) -> dict[str, Any]:
        """A new pair."""
        access = secrets.token_hex(16)
        self.access = {access: time.time() + self.lives}
        if self.rotates or not self.refresh:
            self.refresh = secrets.token_hex(16)
        return {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": int(self.lives),
            "refresh_token": self.refresh,
        }

    def check(self, request: Request) -> None:
        """Refuse whoever has no token, or one that ended."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.access.get(token, 0) < time.time():
            raise Refusal(401, {"error": "invalid_token"})

    def expire(self) -> None:
        """All access tokens end now."""
        self.access = dict.fromkeys(self.access, 0.0)

    def _use(self, token: str) -> None:
        if token != self.refresh:
            self.used.append(token)
            raise Refusal(400, {"error": "invalid_grant", "error_description": "Old refresh token used."})
        left = max((end - time.time() for end in self.access.values()), default=0)
        if self.early is not None and left > self.early:
            raise Refusal(400, {"error": "unsupported", "error_description": "Access token is not expired."})
        self.refreshed += 1
