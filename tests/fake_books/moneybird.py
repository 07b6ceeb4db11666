"""Moneybird: general journal documents and statements."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import unquote

from tests.fake_books import specs
from tests.fake_books.server import Effect, Package, Refusal, Request
from tests.fake_books.tokens import Tokens

SPEC = "moneybird-trim.json"
DOCUMENTS = "/{administration_id}/documents/general_journal_documents{format}"
STATEMENTS = "/{administration_id}/financial_statements{format}"
NOW = datetime(2026, 1, 1, tzinfo=UTC).isoformat()


@dataclass
class Moneybird(Package):
    """One administration, signed in by a personal token or by OAuth."""

    code: ClassVar[str] = "moneybird"
    administration: str = "123456789"
    token: str = "personal"
    tokens: Tokens = field(default_factory=lambda: Tokens(lives=3600, rotates=False))
    documents: list[dict[str, Any]] = field(default_factory=list)
    statements: list[dict[str, Any]] = field(default_factory=list)
    invoices: dict[str, dict[str, Any]] = field(default_factory=dict)  # by their numbers
    _ids: Any = field(default_factory=lambda: itertools.count(300_000))

    def routes(self) -> Any:
        """The part of the API that Onetill uses."""
        here = f"/{self.administration}"
        return {
            "POST /oauth/token": self.tokens.exchange,
            r"GET /administrations\.json": self._administrations,
            rf"GET {here}/ledger_accounts\.json": self._accounts,
            rf"GET {here}/financial_accounts\.json": self._financial_accounts,
            rf"GET {here}/documents/general_journal_documents\.json": self._list,
            rf"POST {here}/documents/general_journal_documents\.json": self._create,
            rf"GET {here}/financial_mutations\.json": self._mutations,
            rf"POST {here}/financial_statements\.json": self._import,
            rf"GET {here}/sales_invoices/find_by_invoice_id/([^/]+)\.json": self._invoice,
            rf"PATCH {here}/financial_mutations/(\d+)/link_booking\.json": self._link,
        }

    def limited(self) -> dict[str, str]:
        """As documented: no Retry-After, but a moment."""
        return {"RateLimit-Remaining": "9", "RateLimit-Reset": str(int(datetime.now(UTC).timestamp()) + 9)}

    def _signed(self, request: Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            self.tokens.check(request)

    def _administrations(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        return 200, [{"id": self.administration, "name": "Bloem BV", "currency": "EUR"}]

    def _accounts(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        rows = [self._account(code, id_) for code, id_ in self.accounts.items()]
        self._conforms("/{administration_id}/ledger_accounts{format}", "get", rows, 200)
        return 200, rows

    def _account(self, code: str, id_: str) -> dict[str, Any]:
        about = {"name": code, "account_type": "other", "parent_id": None, "active": True}
        return {"id": id_, "administration_id": self.administration, "account_id": code, **about}

    def _financial_accounts(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        return 200, [{"id": f"9{id_}", "identifier": code, "name": code} for code, id_ in self.accounts.items()]

    def _list(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        wanted = dict(term.split(":", 1) for term in request.query.get("filter", "").split(","))
        self.demand("period" in wanted, "without a period only this financial year is listed")
        first, last = wanted["period"].split("..")
        rows = [
            row
            for row in self.documents
            if row["reference"] == wanted.get("reference") and first <= row["date"].replace("-", "") <= last
        ]
        self._conforms(DOCUMENTS, "get", rows, 200)
        return 200, rows

    def _create(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        self._conforms(DOCUMENTS, "post", request.body, None)
        given = request.body["general_journal_document"]
        lines = given["general_journal_document_entries_attributes"]
        debit = sum((Decimal(line.get("debit") or 0) for line in lines), Decimal(0))
        credit = sum((Decimal(line.get("credit") or 0) for line in lines), Decimal(0))
        known = set(self.accounts.values())
        if debit != credit or not lines or any(line["ledger_account_id"] not in known for line in lines):
            raise Refusal(422, {"error": {"base": ["Debit and credit do not balance"]}})
        entries = [
            {
                "id": str(next(self._ids)),
                "administration_id": self.administration,
                "ledger_account_id": line["ledger_account_id"],
                "project_id": None,
                "contact_id": None,
                "debit": str(Decimal(line.get("debit") or 0)),
                "credit": str(Decimal(line.get("credit") or 0)),
                "row_order": at,
                "created_at": NOW,
                "updated_at": NOW,
                "description": line.get("description"),
            }
            for at, line in enumerate(lines)
        ]
        row = {
            "id": str(next(self._ids)),
            "administration_id": self.administration,
            "reference": given["reference"],
            "date": given["date"],
            "journal_type": None,
            "created_at": NOW,
            "updated_at": NOW,
            "version": 1,
            "general_journal_document_entries": entries,
            "notes": [],
            "attachments": [],
            "events": [],
        }
        self._conforms(DOCUMENTS, "post", row, 201)
        self.documents.append(row)
        self.effects.append(Effect("journal", row["reference"], int(debit * 100)))
        return 201, row

    def _mutations(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        wanted = dict(term.split(":", 1) for term in request.query.get("filter", "").split(","))
        first, last = wanted["period"].split("..")
        rows = [
            mutation
            for statement in self.statements
            for mutation in statement["financial_mutations"]
            if first <= mutation["date"].replace("-", "") <= last
            and wanted.get("state", mutation["state"]) == mutation["state"]
            and Decimal(wanted["amount_from"]) <= abs(Decimal(mutation["amount"])) <= Decimal(wanted["amount_to"])
        ]
        return 200, rows[:100]

    def _import(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        self._conforms(STATEMENTS, "post", request.body, None)
        given = request.body["financial_statement"]
        if any(row["reference"] == given["reference"] for row in self.statements):
            raise Refusal(422, {"error": {"reference": ["has already been taken"]}})
        id_ = str(next(self._ids))
        lines = given["financial_mutations_attributes"]
        of_it = {"financial_statement_id": id_, "state": "unprocessed"}
        mutations = [{**line, "id": str(next(self._ids)), **of_it} for line in lines]
        row = {"id": id_, "reference": given["reference"], "financial_mutations": mutations}
        self.statements.append(row)
        total = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
        self.effects.append(Effect("statement", given["reference"], int(total * 100)))
        return 201, row

    def invoiced(self, number: str, amount: str, **more: Any) -> dict[str, Any]:
        """An invoice that was sent, with what is unpaid of it."""
        unpaid = {"total_unpaid": amount, "total_unpaid_base": amount, "currency": "EUR"}
        row = {"id": str(next(self._ids)), "invoice_id": number, "state": "open", **unpaid, **more}
        self.invoices[number] = row
        return row

    def _invoice(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        found = self.invoices.get(unquote(request.args[0]))
        if found is None:
            raise Refusal(404, {"error": "record not found"})
        return 200, found

    def _link(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        path = "/{administration_id}/financial_mutations/{id}/link_booking{format}"
        self._conforms(path, "patch", request.body, None)
        mutations = [row for statement in self.statements for row in statement["financial_mutations"]]
        mutation = next(row for row in mutations if row["id"] == request.args[0])
        given = request.body
        invoice = next(row for row in self.invoices.values() if row["id"] == given["booking_id"])
        amount, unpaid = Decimal(given["price_base"]), Decimal(invoice["total_unpaid"])
        self.demand(given["booking_type"] == "SalesInvoice" and amount > 0, "of an invoice the amount is positive")
        if mutation["state"] != "unprocessed" or amount > unpaid or amount != abs(Decimal(mutation["amount"])):
            raise Refusal(400, {"error": "cannot be linked"})
        mutation["state"] = "processed"
        invoice["total_unpaid"] = str(unpaid - amount)
        invoice["state"] = "paid" if amount == unpaid else invoice["state"]
        self.effects.append(Effect("link", invoice["invoice_id"], int(amount * 100)))
        return 200, mutation

    def _conforms(self, path: str, method: str, body: Any, status: int | None) -> None:
        found = specs.faults(SPEC, path, method, body, status=status)
        self.demand(not found, f"{method} {path} {status or 'request'}: {found[:3]}")
