"""Exact Online: general journal entries, refresh tokens that are used once, and OData in part."""

import re
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from tests.fake_books import specs
from tests.fake_books.server import Effect, Package, Refusal, Request
from tests.fake_books.tokens import Tokens

PAGE = 60


@dataclass
class ExactOnline(Package):
    """One division."""

    code: ClassVar[str] = "exact_online"
    division: str = "654321"
    journal: str = "90"
    tokens: Tokens = field(default_factory=lambda: Tokens(lives=600, early=31))
    entries: list[dict[str, Any]] = field(default_factory=list)

    def routes(self) -> Any:
        """The part of the API that Onetill uses."""
        here = f"/api/v1/{self.division}"
        return {
            "POST /api/oauth2/token": self.tokens.exchange,
            f"GET {here}/financial/Journals": self._journals,
            f"GET {here}/financial/GLAccounts": self._accounts,
            f"GET {here}/generaljournalentry/GeneralJournalEntryLines": self._lines,
            f"POST {here}/generaljournalentry/GeneralJournalEntries": self._create,
        }

    def limited(self) -> dict[str, str]:
        """Only the headers of the minute, in milliseconds, as they are sent when the minute is used up."""
        return {"X-RateLimit-Minutely-Remaining": "0", "X-RateLimit-Minutely-Reset": "1"}

    def _journals(self, request: Request) -> tuple[int, Any]:
        self.tokens.check(request)
        rows = [{"Code": self.journal, "Description": "Memoriaal", "Type": 90}]
        return 200, self._odata([row for row in rows if f"Code eq '{row['Code']}'" == request.query.get("$filter")])

    def _accounts(self, request: Request) -> tuple[int, Any]:
        """In pages, with the address of the next; codes are padded."""
        self.tokens.check(request)
        self.demand("$select" in request.query, "$select is obligatory")
        at = int(request.query.get("$skiptoken", 0))
        rows = [{"ID": id_, "Code": f"{code:>18}"} for code, id_ in self.accounts.items()]
        more = f"{self.url}{request.path}?$select=ID,Code&$skiptoken={at + PAGE}" if len(rows) > at + PAGE else None
        return 200, self._odata(rows[at : at + PAGE], more)

    def _lines(self, request: Request) -> tuple[int, Any]:
        self.tokens.check(request)
        wanted = re.fullmatch(r"startswith\(Description,'([^']*)'\) eq true", request.query.get("$filter", ""))
        self.demand(wanted is not None, "a filter that is not read here")
        assert wanted is not None
        rows = [
            {"EntryID": entry["EntryID"], "Description": line["Description"], "AmountDC": line["AmountFC"]}
            for entry in self.entries
            for line in entry["GeneralJournalEntryLines"]
            if line["Description"].startswith(wanted[1])
        ]
        return 200, self._odata(rows)

    def _create(self, request: Request) -> tuple[int, Any]:
        self.tokens.check(request)
        given = request.body
        lines = given["GeneralJournalEntryLines"]
        self.demand(not specs.unknown_fields("GeneralJournalEntry", given), "a field that an entry does not have")
        unknown = [name for line in lines for name in specs.unknown_fields("GeneralJournalEntryLine", line)]
        self.demand(not unknown, f"fields that a line does not have: {unknown}")
        self.demand(given["JournalCode"] == self.journal, "JournalCode")
        self.demand(all(line["VATCode"] == "" for line in lines), "a memorial takes no VAT code")
        self.demand(all(len(line["Description"]) <= 60 for line in lines), "Description")
        amounts = [Decimal(str(line["AmountFC"])) for line in lines]
        if sum(amounts) != 0 or any(line["GLAccount"] not in self.accounts.values() for line in lines):
            raise Refusal(400, {"error": {"code": "", "message": {"lang": "", "value": "Ongeldig: Grootboekrekening"}}})
        row = {**given, "EntryID": str(uuid.uuid4()), "EntryNumber": len(self.entries) + 1}
        self.entries.append(row)
        key = lines[0]["Description"].partition(" ")[0]
        self.effects.append(Effect("journal", key, int(sum(amount for amount in amounts if amount > 0) * 100)))
        return 201, {"d": row}

    def _odata(self, rows: list[Any], more: str | None = None) -> dict[str, Any]:
        return {"d": {"results": rows, **({"__next": more} if more else {})}}
