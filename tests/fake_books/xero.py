"""Xero: manual journals and payments of invoices, with an idempotency key."""

import base64
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from tests.fake_books import specs
from tests.fake_books.server import Effect, Package, Refusal, Request
from tests.fake_books.tokens import Tokens

SPEC = "xero-accounting-trim.json"


@dataclass
class Xero(Package):
    """One organisation."""

    code: ClassVar[str] = "xero"
    tenant: str = "4f2b6c1e-0d6f-4f39-9a55-0a8a8f0f8e11"
    tokens: Tokens = field(default_factory=lambda: Tokens(lives=1800))
    journals: list[dict[str, Any]] = field(default_factory=list)
    invoices: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    not_payable: set[str] = field(default_factory=set)  # codes of accounts from which it takes no payment
    answers: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def routes(self) -> Any:
        """The part of the API that Onetill uses."""
        return {
            "POST /connect/token": self._token,
            "GET /connections": self._connections,
            r"GET /api\.xro/2\.0/Organisation": self._organisation,
            r"GET /api\.xro/2\.0/ManualJournals": self._list,
            r"PUT /api\.xro/2\.0/ManualJournals": lambda request: self._once(request, self._book),
            r"GET /api\.xro/2\.0/Invoices": self._invoices,
            r"GET /api\.xro/2\.0/Payments": self._payments,
            r"PUT /api\.xro/2\.0/Payments": lambda request: self._once(request, self._pay),
        }

    def _token(self, request: Request) -> tuple[int, Any]:
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        if base64.b64decode(given).decode() != "app:app-secret":
            raise Refusal(401, {"error": "invalid_client"})
        return self.tokens.exchange(request)

    def _connections(self, request: Request) -> tuple[int, Any]:
        self.tokens.check(request)
        return 200, [{"id": str(uuid.uuid4()), "tenantId": self.tenant, "tenantName": "Bloem BV"}]

    def _signed(self, request: Request) -> None:
        self.tokens.check(request)
        if request.headers.get("xero-tenant-id") != self.tenant:
            raise Refusal(403, {"Title": "Forbidden", "Message": "AuthenticationUnsuccessful"})

    def _organisation(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        return 200, {"Organisations": [{"Name": "Bloem BV", "BaseCurrency": "EUR"}]}

    def _list(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        wanted = re.fullmatch(r'Narration\.StartsWith\("([^"]*)"\)', request.query.get("where", ""))
        self.demand(wanted is not None, "a filter that is not read here")
        assert wanted is not None
        rows = [row for row in self.journals if row["Narration"].startswith(wanted[1])]
        self._conforms("/ManualJournals", "get", {"ManualJournals": rows}, 200)
        return 200, {"ManualJournals": rows}

    def _once(self, request: Request, act: Callable[[Any], Any]) -> tuple[int, Any]:
        """Once per idempotency key: the same request again is answered as before."""
        self._signed(request)
        key = request.headers.get("Idempotency-Key")
        self.demand(bool(key) and len(key) <= 128, "Idempotency-Key")
        if key in self.answers:
            first, answer = self.answers[key]
            self.demand(first == request.body, "the key belongs to another request")
            return 200, answer
        answer = act(request.body)
        self.answers[key] = (request.body, answer)
        return 200, answer

    def _book(self, body: Any) -> Any:
        self._conforms("/ManualJournals", "put", body, None)
        (given,) = body["ManualJournals"]
        amounts = [Decimal(str(line["LineAmount"])) for line in given["JournalLines"]]
        unknown = [line["AccountCode"] for line in given["JournalLines"] if line["AccountCode"] not in self.accounts]
        if sum(amounts) != 0 or unknown:
            text = f"Account code '{unknown[0]}' is not a valid code." if unknown else "The journal does not balance."
            raise self._invalid(text)
        row = {**given, "ManualJournalID": str(uuid.uuid4())}
        answer = {"ManualJournals": [row]}
        self._conforms("/ManualJournals", "put", answer, 200)
        self.journals.append(row)
        key = given["Narration"].partition(" ")[0]
        self.effects.append(Effect("journal", key, int(sum(amount for amount in amounts if amount > 0) * 100)))
        return answer

    def invoiced(self, number: str, amount: str, **more: Any) -> dict[str, Any]:
        """An invoice that was sent, with what is due of it."""
        about = {"Type": "ACCREC", "Status": "AUTHORISED", "CurrencyCode": "EUR", "AmountDue": float(amount)}
        row = {"InvoiceID": str(uuid.uuid4()), "InvoiceNumber": number, **about, **more}
        self.invoices.append(row)
        return row

    def unpaid(self, number: str) -> list[str]:
        """What is due of the invoices of a number."""
        return [f"{row['AmountDue']:.2f}" for row in self.invoices if row["InvoiceNumber"] == number]

    def _invoices(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        numbers, states = (request.query[name].split(",") for name in ("InvoiceNumbers", "Statuses"))
        rows = [row for row in self.invoices if row["InvoiceNumber"] in numbers and row["Status"] in states]
        self._conforms("/Invoices", "get", {"Invoices": rows}, 200)
        return 200, {"Invoices": rows}

    def _payments(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        wanted = re.fullmatch(r'Reference=="([^"]*)"', request.query.get("where", ""))
        self.demand(wanted is not None, "a filter that is not read here")
        assert wanted is not None
        rows = [row for row in self.payments if row["Reference"] == wanted[1]]
        self._conforms("/Payments", "get", {"Payments": rows}, 200)
        return 200, {"Payments": rows}

    def _pay(self, body: Any) -> Any:
        self._conforms("/Payments", "put", body, None)
        (given,) = body["Payments"]
        (invoice,) = (row for row in self.invoices if row["InvoiceID"] == given["Invoice"]["InvoiceID"])
        code, amount = given["Account"]["Code"], Decimal(str(given["Amount"]))
        if code not in self.accounts or code in self.not_payable:
            raise self._invalid(f"Account code '{code}' is not a valid code for payments.")
        if invoice["Status"] != "AUTHORISED" or amount > Decimal(str(invoice["AmountDue"])):
            raise self._invalid("Payment amount exceeds the amount outstanding on this document.")
        invoice["AmountDue"] = float(Decimal(str(invoice["AmountDue"])) - amount)
        invoice["Status"] = "AUTHORISED" if invoice["AmountDue"] else "PAID"
        row = {**given, "PaymentID": str(uuid.uuid4()), "Status": "AUTHORISED"}
        answer = {"Payments": [row]}
        self._conforms("/Payments", "put", answer, 200)
        self.payments.append(row)
        self.effects.append(Effect("payment", given["Reference"], int(amount * 100)))
        return answer

    def _invalid(self, text: str) -> Refusal:
        about = {"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred"}
        return Refusal(400, {**about, "Elements": [{"ValidationErrors": [{"Message": text}]}]})

    def _conforms(self, path: str, method: str, body: Any, status: int | None) -> None:
        found = specs.faults(SPEC, path, method, body, status=status)
        self.demand(not found, f"{method} {path} {status or 'request'}: {found[:3]}")
