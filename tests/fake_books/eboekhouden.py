"""e-Boekhouden: sessions and mutations of the type journal."""

import re
import time
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from tests.fake_books import specs
from tests.fake_books.server import Effect, Package, Refusal, Request

SPEC = "eboekhouden-v1-reconstructed.json"


@dataclass
class EBoekhouden(Package):
    """One administration; the session's token may stand bare or behind `Bearer`."""

    code: ClassVar[str] = "eboekhouden"
    access_token: str = "api-token"
    lives: float = 3600.0
    mutations: list[dict[str, Any]] = field(default_factory=list)
    sessions: dict[str, float] = field(default_factory=dict)

    def routes(self) -> Any:
        """The part of the API that Onetill uses."""
        return {
            "POST /v1/session": self._session,
            "GET /v1/ledger": self._ledger,
            "GET /v1/mutation": self._list,
            "POST /v1/mutation": self._create,
        }

    def _session(self, request: Request) -> tuple[int, Any]:
        self._conforms("/v1/session", "post", request.body, None)
        self.demand(re.fullmatch(r"[\w_ ]{1,10}", request.body["source"]) is not None, "source")
        if request.body["accessToken"] != self.access_token:
            raise Refusal(401, {"code": "SECURITY_001", "title": "The token is not known."})
        token = uuid.uuid4().hex
        self.sessions[token] = time.time() + self.lives
        return 200, {"token": token, "expiresIn": int(self.lives)}

    def _signed(self, request: Request) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.sessions.get(token, 0) < time.time():
            raise Refusal(401, {"code": "SECURITY_010", "title": "There is no session."})

    def _ledger(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        limit, offset = int(request.query.get("limit", 100)), int(request.query.get("offset", 0))
        self.demand(1 <= limit <= 2000, "limit")
        rows = [
            {"id": int(id_), "code": code, "description": code, "category": "BAL"}
            for code, id_ in self.accounts.items()
        ]
        return 200, {"items": rows[offset : offset + limit], "count": len(rows)}

    def _list(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        rows = [
            {name: row[name] for name in ("id", "type", "date", "ledgerId", "entryNumber")} | {"amount": 0}
            for row in self.mutations
            if row["entryNumber"] == request.query["entryNumber"]
        ]
        answer = {"items": rows, "count": len(rows)}
        self._conforms("/v1/mutation", "get", answer, 200)
        return 200, answer

    def _create(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        given = request.body
        self._conforms("/v1/mutation", "post", given, None)
        self.demand(given["type"] == 7 and given["inExVat"] == "EX", "type")
        self.demand(len(given["entryNumber"]) <= 50 and len(given["description"]) <= 50, "MUT_018")
        rows = given["rows"]
        known = {int(id_) for id_ in self.accounts.values()}
        if not rows or any(row["ledgerId"] not in known for row in [given, *rows]):
            raise Refusal(400, {"code": "MUT_010", "title": "The ledger account is not known."})
        amounts = [Decimal(str(row["amount"])) for row in rows]
        own = -sum(amounts, Decimal(0))
        debit = sum((amount for amount in [own, *amounts] if amount > 0), Decimal(0))
        row = {**given, "id": len(self.mutations) + 1}
        self.mutations.append(row)
        self.effects.append(Effect("journal", given["entryNumber"], int(debit * 100)))
        return 200, {"id": row["id"]}

    def _conforms(self, path: str, method: str, body: Any, status: int | None) -> None:
        found = specs.faults(SPEC, path, method, body, status=status)
        self.demand(not found, f"{method} {path} {status or 'request'}: {found[:3]}")
