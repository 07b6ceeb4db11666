"""SnelStart (B2B v2): memoriaalboekingen, also such as pay an invoice, and statements uploaded as CAMT.053.

Spec-validated: written against a copy of SnelStart's OpenAPI document, and never run against SnelStart itself. What
the upload of statements rejects is not known. Our key is the `boekstuk` (25 characters), by which the ledger's
movements are filtered. Of a line that pays an invoice the document does not tell the sign: above zero is taken for
what the customer paid, against the debit beside it; the other way round the booking would not balance. An uploaded
statement cannot be looked up: where its answer was lost, a person has to look.
"""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from payments.providers.base import Credential
from reconciliation.connectors.base import (
    INVOICES,
    Access,
    Capabilities,
    Found,
    InvoicePayment,
    Journal,
    NotReached,
    OpenInvoice,
    Refused,
    Setting,
    SignInNeeded,
    Statement,
    TokenRefused,
    Tokens,
    Unclear,
    open_invoice,
)
from reconciliation.connectors.http import Answer, ask
from reconciliation.connectors.package import base_of, bearer, codes, created, decimal, known, minor, shortened

_PAGE: Final = 500
_MEMORIAL: Final = "Memoriaal"


class SnelStart:
    """Signed in by a key of the administration and a subscription key; no person signs in."""

    code: ClassVar[str] = "snelstart"
    name: ClassVar[str] = "SnelStart"
    capabilities: ClassVar[Capabilities] = Capabilities(
        credentials=(Credential("client_key"), Credential("subscription_key")),
        settings=(Setting("journal", required=False), INVOICES),
        pays_invoices=True,
        statements=True,
    )

    def renew(self, access: Access) -> Tokens:
        """An access token for the administration's key."""
        form = {"grant_type": "clientkey", "clientkey": access.credentials["client_key"]}
        try:
            answer = ask("POST", f"{base_of(self.code, 'token')}/b2b/token", headers={}, form=form)
        except (TokenRefused, Refused) as error:
            raise SignInNeeded("credentials_refused", error.detail) from error
        try:
            ends = datetime.now(UTC) + timedelta(seconds=int(answer.body["expires_in"]))
            return Tokens(str(answer.body["access_token"]), expires_at=ends)
        except (KeyError, TypeError, ValueError) as error:
            raise NotReached("no_answer", "unreadable") from error

    def check(self, access: Access) -> str:
        """The name of the company; the journal has to be there, too."""
        name = str(self._get(access, "companyInfo").body.get("administratieNaam") or "SnelStart")
        self._journal(access)
        return name

    def find(self, access: Access, journal: Journal) -> list[Found]:
        """The ledger's movements under our boekstuk; they do not name the booking, so that the boekstuk is its id."""
        return self._under(access, journal.key, journal.currency)

    def push(self, access: Access, journal: Journal) -> str:
        """One memoriaalboeking."""
        accounts = self._accounts(access)
        lines = [
            {
                "omschrijving": shortened(line.description, self.capabilities.longest_text),
                "grootboek": {"id": known(accounts, line.account)},
                "debet": decimal(max(line.amount, 0), journal.currency),
                "credit": decimal(max(-line.amount, 0), journal.currency),
            }
            for line in journal.lines
        ]
        return self._book(access, journal, {"memoriaalBoekingsRegels": lines})

    def find_payment(self, access: Access, payment: InvoicePayment) -> list[Found]:
        """The ledger's movements under our boekstuk."""
        return self._under(access, payment.key, payment.currency)

    def pay_invoice(self, access: Access, payment: InvoicePayment) -> str:
        """One memoriaalboeking: what was sold, against the booking of the one unpaid invoice of this number."""
        invoice = open_invoice(self._unpaid(access, payment), payment)
        text = shortened(payment.description, self.capabilities.longest_text)
        amount = decimal(payment.amount, payment.currency)
        account = {"id": known(self._accounts(access), payment.account)}
        lines = {
            "memoriaalBoekingsRegels": [{"omschrijving": text, "grootboek": account, "debet": amount, "credit": 0}],
            "verkoopboekingBoekingsRegels": [
                {"omschrijving": text, "boekingId": {"id": invoice.id}, "bedrag": amount},
            ],
        }
        return self._book(access, payment, lines)

    def _unpaid(self, access: Access, payment: InvoicePayment) -> list[OpenInvoice]:
        number = payment.invoice.replace("'", "''")
        rows = self._page(access, "verkoopfacturen", 0, f"factuurnummer eq '{number}'")
        found = []
        for row in rows:
            unpaid = minor(row.get("openstaandSaldo") or 0, payment.currency)
            booking = (row.get("verkoopBoeking") or {}).get("id")
            # An invoice has no currency there, and one without a booking is not in the books yet.
            if row.get("factuurnummer") == payment.invoice and unpaid > 0 and booking:
                found.append(OpenInvoice(str(booking), unpaid, payment.currency))
        return found

    def _book(self, access: Access, paper: Journal | InvoicePayment, lines: dict[str, Any]) -> str:
        booking = {
            "datum": f"{paper.date.isoformat()}T00:00:00",
            "boekstuk": paper.key,
            "omschrijving": shortened(paper.description, self.capabilities.longest_text),
            "dagboek": {"id": self._journal(access)},
            **lines,
        }
        access.hold()
        return created(self._post(access, "memoriaalboekingen", booking).body, "id")

    def _under(self, access: Access, key: str, currency: str) -> list[Found]:
        rows: list[Any] = []
        while len(page := self._moved(access, key, len(rows))) == _PAGE:
            rows += page
        ours = [row for row in rows + page if row.get("boekstuk") == key]
        return [Found(key, sum(minor(row.get("debet") or 0, currency) for row in ours))] if ours else []

    def find_statement(self, access: Access, statement: Statement) -> list[Found]:
        """Nothing can be looked up."""
        raise Refused("statement_not_findable")

    def push_statement(self, access: Access, statement: Statement) -> str:
        """One file; SnelStart answers for each file whether it took it."""
        name = f"{statement.key}.xml"
        file = {"name": name, "base64EncodedContent": base64.b64encode(statement.file).decode()}
        access.hold()
        answer = self._post(access, "bankafschriftbestanden", [file]).body
        rows = [row for row in answer if row.get("name") == name] if isinstance(answer, list) else []
        if len(rows) != 1:
            raise Unclear("no_answer", "unreadable")
        if not rows[0].get("isSuccess"):
            detail = "; ".join(str(error.get("description")) for error in rows[0].get("errors") or ())
            raise Refused("refused", detail)
        return name

    def link_invoices(self, access: Access, statement: Statement) -> None:
        """SnelStart matches by the file itself, which names the invoices."""
        raise Refused("statements_not_supported")

    def _journal(self, access: Access) -> str:
        """The journal of the settings; without one, the only one for memorial entries."""
        rows = self._get(access, "dagboeken").body
        fit = [row for row in rows if row.get("soort") == _MEMORIAL and not row.get("nonactief")]
        chosen = access.settings.get("journal")
        if chosen:
            return known(codes(fit, "nummer", "id"), chosen)
        if len(fit) != 1:
            raise Refused("journal_ambiguous", ", ".join(str(row.get("nummer")) for row in fit))
        return str(fit[0]["id"])

    def _accounts(self, access: Access) -> dict[str, str]:
        rows: list[Any] = []
        while len(page := self._page(access, "grootboeken", len(rows))) == _PAGE:
            rows += page
        return codes([row for row in rows + page if not row.get("nonactief")], "nummer", "id")

    def _moved(self, access: Access, key: str, skip: int) -> list[Any]:
        return self._page(access, "grootboekmutaties", skip, f"boekstuk eq '{key}'")

    def _page(self, access: Access, what: str, skip: int, wanted: str = "") -> list[Any]:
        params = {"$skip": str(skip), "$top": str(_PAGE), **({"$filter": wanted} if wanted else {})}
        answer = self._get(access, what, **params).body
        return answer if isinstance(answer, list) else []

    def _get(self, access: Access, what: str, **params: str) -> Answer:
        return ask("GET", f"{base_of(self.code)}/{what}", headers=_headers(access), params=params, explain=_words)

    def _post(self, access: Access, what: str, body: Any) -> Answer:
        address = f"{base_of(self.code)}/{what}"
        return ask("POST", address, headers=_headers(access), body=body, writes=True, explain=_words)


def _headers(access: Access) -> dict[str, str]:
    return {**bearer(access), "Ocp-Apim-Subscription-Key": access.credentials["subscription_key"]}


def _words(body: Any) -> str:
    rows = body if isinstance(body, list) else [body]
    return "; ".join(str(row["message"]) for row in rows)
