"""SnelStart: memoriaalboekingen, also of payments of invoices, and statements as files."""

import base64
import re
import time
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from lxml import etree

from tests.fake_books import specs
from tests.fake_books.server import Effect, Package, Refusal, Request

SPEC = "snelstart-trim.json"


@dataclass
class SnelStart(Package):
    """One administration, behind a key of its own and a subscription key."""

    code: ClassVar[str] = "snelstart"
    client_key: str = "client-key"
    subscription_key: str = "subscription-key"
    lives: float = 3599.0
    journals: dict[str, str] = field(default_factory=lambda: {"90": str(uuid.uuid4())})
    bookings: list[dict[str, Any]] = field(default_factory=list)
    invoices: list[dict[str, Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    access: dict[str, float] = field(default_factory=dict)

    def routes(self) -> Any:
        """The part of the API that Onetill uses."""
        return {
            "POST /b2b/token": self._token,
            "GET /companyInfo": self._company,
            "GET /dagboeken": self._journals,
            "GET /grootboeken": self._accounts,
            "GET /grootboekmutaties": self._mutations,
            "GET /verkoopfacturen": self._invoices,
            "POST /memoriaalboekingen": self._create,
            "POST /bankafschriftbestanden": self._upload,
        }

    def _token(self, request: Request) -> tuple[int, Any]:
        if request.body != {"grant_type": "clientkey", "clientkey": self.client_key}:
            raise Refusal(400, {"error": "invalid_client"})
        token = uuid.uuid4().hex
        self.access[token] = time.time() + self.lives
        return 200, {"access_token": token, "token_type": "bearer", "expires_in": int(self.lives)}

    def _signed(self, request: Request) -> None:
        if request.headers.get("Ocp-Apim-Subscription-Key") != self.subscription_key:
            raise Refusal(401, {"statusCode": 401, "message": "Access denied due to invalid subscription key."})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.access.get(token, 0) < time.time():
            raise Refusal(401)

    def _company(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        return 200, {"administratieNaam": "Bloem BV", "bedrijfsnaam": "Bloem BV"}

    def _journals(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        kinds = [(number, id_, "Memoriaal") for number, id_ in self.journals.items()]
        kinds.append(("20", str(uuid.uuid4()), "Bank"))
        return 200, [
            {"id": id_, "nummer": int(number), "soort": kind, "omschrijving": kind, "nonactief": False}
            for number, id_, kind in kinds
        ]

    def _accounts(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        rows = [
            {"id": id_, "nummer": int(code), "omschrijving": code, "nonactief": False}
            for code, id_ in self.accounts.items()
        ]
        return 200, self._paged(request, rows)

    def _mutations(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        wanted = re.fullmatch(r"boekstuk eq '([^']*)'", request.query.get("$filter", ""))
        self.demand(wanted is not None, "a filter that is not read here")
        assert wanted is not None
        rows = [
            {"boekstuk": row["boekstuk"], "datum": row["datum"], "debet": line["debet"], "credit": line["credit"]}
            for row in self.bookings
            for line in row["memoriaalBoekingsRegels"]
            if row["boekstuk"] == wanted[1]
        ]
        return 200, self._paged(request, rows)

    def _paged(self, request: Request, rows: list[Any]) -> list[Any]:
        skip, top = int(request.query.get("$skip", 0)), int(request.query.get("$top", 500))
        self.demand(0 < top <= 500, "$top")
        return rows[skip : skip + top]

    def _create(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        self._conforms("/memoriaalboekingen", request.body)
        given = request.body
        lines = given["memoriaalBoekingsRegels"]
        self.demand(len(given["boekstuk"]) <= 25, "boekstuk")
        self.demand(given["dagboek"]["id"] in self.journals.values(), "dagboek")
        debit = sum((Decimal(str(line["debet"])) for line in lines), Decimal(0))
        paid = given.get("verkoopboekingBoekingsRegels", [])
        credit = sum((Decimal(str(line["credit"])) for line in lines), Decimal(0))
        balanced = debit == credit + sum((Decimal(str(line["bedrag"])) for line in paid), Decimal(0))
        known = set(self.accounts.values())
        if not balanced or any(line["grootboek"]["id"] not in known for line in lines):
            raise Refusal(400, [{"errorCode": "BK-0001", "message": "De boeking is niet in balans."}])
        for line in paid:
            self._pay(line)
        row = {**given, "id": str(uuid.uuid4())}
        self.bookings.append(row)
        self.effects.append(Effect("payment" if paid else "journal", given["boekstuk"], int(debit * 100)))
        return 201, row

    def invoiced(self, number: str, amount: str, **more: Any) -> dict[str, Any]:
        """An invoice that was booked, with what is unpaid of it."""
        booking = {"id": str(uuid.uuid4())}
        row = {"factuurnummer": number, "openstaandSaldo": float(amount), "verkoopBoeking": booking, **more}
        self.invoices.append(row)
        return row

    def unpaid(self, number: str) -> list[str]:
        """What is unpaid of the invoices of a number."""
        return [f"{row['openstaandSaldo']:.2f}" for row in self.invoices if row["factuurnummer"] == number]

    def _invoices(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        wanted = re.fullmatch(r"factuurnummer eq '((?:[^']|'')*)'", request.query.get("$filter", ""))
        self.demand(wanted is not None, "a filter that is not read here")
        assert wanted is not None
        rows = [row for row in self.invoices if row["factuurnummer"] == wanted[1].replace("''", "'")]
        return 200, self._paged(request, rows)

    def _pay(self, line: Any) -> None:
        named = line["boekingId"]["id"]
        invoice = next((one for one in self.invoices if one["verkoopBoeking"]["id"] == named), None)
        if invoice is None or Decimal(str(line["bedrag"])) > Decimal(str(invoice["openstaandSaldo"])):
            raise Refusal(400, [{"errorCode": "BK-0002", "message": "De factuur staat niet open."}])
        invoice["openstaandSaldo"] = float(Decimal(str(invoice["openstaandSaldo"])) - Decimal(str(line["bedrag"])))

    def _upload(self, request: Request) -> tuple[int, Any]:
        self._signed(request)
        self._conforms("/bankafschriftbestanden", request.body)
        answers = []
        for file in request.body:
            content = base64.b64decode(file["base64EncodedContent"], validate=True)
            try:
                good = etree.QName(etree.fromstring(content)).namespace.startswith(
                    "urn:iso:std:iso:20022:tech:xsd:camt.053"
                )
            except (etree.XMLSyntaxError, AttributeError):
                good = False
            errors = [] if good else [{"description": "Dit bestand is geen bankafschrift.", "details": []}]
            answers.append({"name": file["name"], "isSuccess": good, "errors": errors})
            if good:
                self.files.append(content.decode())
                self.effects.append(Effect("statement", file["name"].removesuffix(".xml")))
        return 200, answers

    def _conforms(self, path: str, body: Any) -> None:
        found = specs.faults(SPEC, path, "post", body)
        self.demand(not found, f"{path}: {found[:3]}")
