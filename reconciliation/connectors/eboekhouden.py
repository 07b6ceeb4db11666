"""e-Boekhouden (REST v1): mutations of the type journal, and of payments of invoices.

A reconstruction: written against a specification put together from other clients, and never run against e-Boekhouden
itself. Our key is the mutation's `entryNumber`, which its list filters by. A journal is written from the side of one
ledger account (the first line's), the others are its rows; whether a positive row debits it is not documented, so that
the setting `positive` turns the sign. Compare the first day that it books. A payment goes from a financial account
(FIN) to the debtors', so that the clearing account of what was sold has to be one there.
"""

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
    JournalsOnly,
    NotReached,
    OpenInvoice,
    Refused,
    Setting,
    SignInNeeded,
    TokenRefused,
    Tokens,
    open_invoice,
)
from reconciliation.connectors.http import Answer, ask
from reconciliation.connectors.package import base_of, codes, created, decimal, known, minor, shortened

_SOURCE: Final = "Onetill"
_PAYMENT, _JOURNAL = 3, 7
_DEBTORS: Final = "DEB"
_PAGE: Final = 2000


class EBoekhouden(JournalsOnly):
    """Signed in by an API token of the administration, for which a session is opened."""

    code: ClassVar[str] = "eboekhouden"
    name: ClassVar[str] = "e-Boekhouden"
    capabilities: ClassVar[Capabilities] = Capabilities(
        credentials=(Credential("access_token"),),
        settings=(
            Setting("positive", required=False, default="debit", choices=("debit", "credit")),
            INVOICES,
            Setting("debtors", required=False),
        ),
        pays_invoices=True,
        longest_text=50,
    )

    def renew(self, access: Access) -> Tokens:
        """Open a session."""
        body = {"accessToken": access.credentials["access_token"], "source": _SOURCE}
        try:
            answer = ask("POST", f"{base_of(self.code)}/v1/session", headers={}, body=body, explain=_words)
        except (TokenRefused, Refused) as error:
            raise SignInNeeded("credentials_refused", error.detail) from error
        try:
            ends = datetime.now(UTC) + timedelta(seconds=int(answer.body["expiresIn"]))
            return Tokens(str(answer.body["token"]), expires_at=ends)
        except (KeyError, TypeError, ValueError) as error:
            raise NotReached("no_answer", "unreadable") from error

    def check(self, access: Access) -> str:
        """The ledger can be read; an administration tells no name."""
        self._page(access, "ledger", limit="1")
        return self.name

    def find(self, access: Access, journal: Journal) -> list[Found]:
        """Mutations with our entry number; their amounts cannot be relied on."""
        return self._under(access, journal.key)

    def push(self, access: Access, journal: Journal) -> str:
        """One mutation."""
        accounts = codes(self._ledgers(access), "code", "id")
        sign = -1 if access.settings.get("positive") == "credit" else 1
        first, *others = journal.lines
        rows = [
            {
                "ledgerId": int(known(accounts, line.account)),
                "amount": decimal(sign * line.amount, journal.currency),
                "vatCode": "GEEN",
                "description": shortened(line.description, self.capabilities.longest_text),
            }
            for line in others
        ]
        mutation = {
            "type": _JOURNAL,
            "date": journal.date.isoformat(),
            "ledgerId": int(known(accounts, first.account)),
            "entryNumber": journal.key,
            "description": shortened(journal.description, self.capabilities.longest_text),
            "inExVat": "EX",
            "rows": rows,
        }
        return self._book(access, mutation)

    def find_payment(self, access: Access, payment: InvoicePayment) -> list[Found]:
        """Mutations with our entry number."""
        return self._under(access, payment.key)

    def pay_invoice(self, access: Access, payment: InvoicePayment) -> str:
        """One mutation of the type payment, of the one unpaid invoice of this number, whoever it was sent to."""
        rows = self._page(access, "mutation/invoice/outstanding", credDeb="D", invoiceNumber=payment.invoice)
        rows = [row for row in rows if row.get("invoiceNumber") == payment.invoice]
        # An administration has one currency, and an invoice no other.
        unpaid = [
            OpenInvoice(str(row["relationId"]), minor(row["outstandingAmount"], payment.currency), payment.currency)
            for row in rows
        ]
        invoice, ledgers = open_invoice(unpaid, payment), self._ledgers(access)
        text = shortened(payment.description, self.capabilities.longest_text)
        row = {
            "ledgerId": self._debtors(access, ledgers),
            "amount": decimal(payment.amount, payment.currency),
            "vatCode": "GEEN",
            "invoiceNumber": payment.invoice,
            "relationId": int(invoice.id),
            "description": text,
        }
        mutation = {
            "type": _PAYMENT,
            "date": payment.date.isoformat(),
            "ledgerId": int(known(codes(ledgers, "code", "id"), payment.account)),
            "entryNumber": payment.key,
            "description": text,
            "inExVat": "EX",
            "rows": [row],
        }
        return self._book(access, mutation)

    def _under(self, access: Access, key: str) -> list[Found]:
        rows = self._page(access, "mutation", entryNumber=key)
        return [Found(str(row["id"])) for row in rows if row.get("entryNumber") == key]

    def _book(self, access: Access, mutation: dict[str, Any]) -> str:
        access.hold()
        url = f"{base_of(self.code)}/v1/mutation"
        answer = ask("POST", url, headers=_headers(access), body=mutation, writes=True, explain=_words)
        return created(answer.body, "id")

    def _debtors(self, access: Access, ledgers: list[Any]) -> int:
        """The debtors' account of the settings; without one, the only one."""
        fit = codes([row for row in ledgers if row.get("category") == _DEBTORS], "code", "id")
        if chosen := access.settings.get("debtors"):
            return int(known(fit, chosen))
        if len(fit) != 1:
            raise Refused("debtors_ambiguous", ", ".join(sorted(fit)))
        return int(*fit.values())

    def _ledgers(self, access: Access) -> list[Any]:
        rows: list[Any] = []
        while len(page := self._page(access, "ledger", limit=str(_PAGE), offset=str(len(rows)))) == _PAGE:
            rows += page
        return rows + page

    def _page(self, access: Access, what: str, **params: str) -> list[Any]:
        url = f"{base_of(self.code)}/v1/{what}"
        answer: Answer = ask("GET", url, headers=_headers(access), params=params, explain=_words)
        return list(answer.body["items"])


def _headers(access: Access) -> dict[str, str]:
    """Clients disagree whether the session's token stands bare or as `Bearer`; most send the latter."""
    if access.tokens is None:
        raise TokenRefused("token_refused")
    return {"Authorization": f"Bearer {access.tokens.access}"}


def _words(body: Any) -> str:
    return f"{body['code']}: {body['title']}"
