"""e-Boekhouden: sessions, and mutations of the types journal and payment of an invoice."""

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
    debtors: dict[str, str] = field(default_factory=lambda: {"1300": "501300"})
    invoices: list[dict[str, Any]] = field(default_factory=list)
    sessions: dict[str, float] = field(default_factory=dict)

    def routes(self) -> Any:
        """The part of the API that Onetill uses."""
        return {
            "POST /v1/session": self._session,
            "GET /v1/ledger": self._ledger,
            "GET /v1/mutation": self._list,
            "GET /v1/mutation/invoice/outstanding": self._outstanding,
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
            {"id": int(id_), "code": code, "description": code, "category": category}
            for category, ledgers in (("FIN", self.accounts), ("DEB", self.debtors))
            for code, id_ in ledgers.items()
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
        self.demand(given["type"] in (3, 7) and given["inExVat"] == "EX", "type")
        self.demand(len(given["entryNumber"]) <= 50 and len(given["description"]) <= 50, "MUT_018")
        rows = given["rows"]
        if given["type"] == 3:
            return self._pay(given)
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

    def invoiced(self, number: str, amount: str, **more: Any) -> dict[str, Any]:
        """An invoice that was sent, with what is unpaid of it."""
        sums = {"totalAmount": float(amount), "paidAmount": 0.0, "outstandingAmount": float(amount)}
        about = {"date": "2026-01-01", "mutationId": 9, "relationId": 70 + len(self.invoices)}
        row = {**about, "invoiceNumber": number, **sums, **more}
        self.invoices.append(row)
        return row

    def unpaid(self, number: str) -> list[str]:
        """What is unpaid of the invoices of a number."""
        return [f"{row['outstandingAmount']:.2f}" for row in self.invoices if row["invoiceNumber"] == number]

    def _outstanding(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        if request.query.get("credDeb") != "D":
            raise Refusal(400, {"code": "MUT_006", "title": "credDeb is missing."})
        number = request.query["invoiceNumber"]
        rows = [row for row in self.invoices if row["invoiceNumber"] == number and row["outstandingAmount"]]
        answer = {"items": rows, "count": len(rows)}
        self._conforms("/v1/mutation/invoice/outstanding", "get", answer, 200)
        return 200, answer

    def _pay(self, given: Any) -> tuple[int, Any]:
        (row,) = given["rows"]
        if "relationId" not in row or "invoiceNumber" not in row:
            raise Refusal(400, {"code": "MUT_120", "title": "The relation or invoice is missing."})
        ledgers = (str(given["ledgerId"]) in self.accounts.values(), str(row["ledgerId"]) in self.debtors.values())
        if ledgers != (True, True) or row["vatCode"] != "GEEN":
            raise Refusal(400, {"code": "MUT_010", "title": "The ledger account does not fit."})
        named = (row["invoiceNumber"], row["relationId"])
        amount = Decimal(str(row["amount"]))
        invoice = next((one for one in self.invoices if (one["invoiceNumber"], one["relationId"]) == named), None)
        if invoice is None or not 0 < amount <= Decimal(str(invoice["outstandingAmount"])):
            raise Refusal(400, {"code": "MUT_115", "title": "The invoice is not found."})
        invoice["outstandingAmount"] = float(Decimal(str(invoice["outstandingAmount"])) - amount)
        booked = {**given, "id": len(self.mutations) + 1}
        self.mutations.append(booked)
        self.effects.append(Effect("payment", given["entryNumber"], int(amount * 100)))
        return 200, {"id": booked["id"]}

    def _conforms(self, path: str, method: str, body: Any, status: int | None) -> None:
        found = specs.faults(SPEC, path, method, body, status=status)
        self.demand(not found, f"{method} {path} {status or 'request'}: {found[:3]}")
