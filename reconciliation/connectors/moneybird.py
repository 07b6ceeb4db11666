"""Moneybird: general journal documents, and statements of accounts to match open invoices with.

Spec-validated: written against Moneybird's published OpenAPI document (v2), and never run against Moneybird itself.
Our key is the document's `reference`, which its list filters by. A statement's movements carry
`account_servicer_transaction_id`, by which Moneybird itself recognizes repeated ones.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import quote

from payments.providers.base import Credential
from reconciliation.connectors.base import (
    Access,
    Capabilities,
    Found,
    Journal,
    NoInvoices,
    NotReached,
    OAuth,
    Refused,
    Setting,
    SignInNeeded,
    Statement,
    StatementLine,
    Tokens,
)
from reconciliation.connectors.http import Answer, ask
from reconciliation.connectors.package import base_of, bearer, codes, created, decimal, known, minor, renewed

_MOST_LISTED: Final = 100
_OPEN: Final = frozenset({"open", "pending_payment", "reminded", "late"})
logger = logging.getLogger(__name__)
_JOURNALS: Final = "documents/general_journal_documents"


class Moneybird(NoInvoices):
    """Signed in by OAuth, or by a personal token (`token`) that does not expire."""

    code: ClassVar[str] = "moneybird"
    name: ClassVar[str] = "Moneybird"
    capabilities: ClassVar[Capabilities] = Capabilities(
        credentials=(
            Credential("token", required=False),
            Credential("client_id", required=False, secret=False),
            Credential("client_secret", required=False),
        ),
        settings=(Setting("administration"),),
        oauth=OAuth("/oauth/authorize", "/oauth/token", ("documents", "settings", "bank", "sales_invoices")),
        statements=True,
        finds_statements=True,
        links_invoices=True,
    )

    def renew(self, access: Access) -> Tokens:
        """A personal token is used as it is."""
        if access.credentials.get("token"):
            return Tokens(access.credentials["token"])
        if not access.credentials.get("client_id"):
            raise SignInNeeded("credentials_missing", "token")
        return renewed(self.code, self.capabilities, access)

    def check(self, access: Access) -> str:
        """The name of the administration; not to be found where the sign-in does not reach it."""
        answer = ask("GET", f"{base_of(self.code)}/administrations.json", headers=bearer(access))
        names = {str(row["id"]): str(row["name"]) for row in answer.body}
        if access.settings["administration"] not in names:
            raise Refused("administration_unknown_there", access.settings["administration"])
        return names[access.settings["administration"]]

    def find(self, access: Access, journal: Journal) -> list[Found]:
        """Documents with our reference. Without a period the list would hold this financial year alone."""
        day = f"{journal.date:%Y%m%d}"
        rows = self._get(access, _JOURNALS, filter=f"period:{day}..{day},reference:{journal.key}").body
        return [
            Found(str(row["id"]), _total(row, journal.currency)) for row in rows if row.get("reference") == journal.key
        ]

    def push(self, access: Access, journal: Journal) -> str:
        """One document, its lines by the ids of the accounts."""
        accounts = self._accounts(access)
        lines = [
            {
                "ledger_account_id": known(accounts, line.account),
                "description": line.description,
                "debit" if line.amount > 0 else "credit": _text(abs(line.amount), journal.currency),
            }
            for line in journal.lines
        ]
        document = {
            "reference": journal.key,
            "date": journal.date.isoformat(),
            "general_journal_document_entries_attributes": lines,
        }
        access.hold()
        return created(self._post(access, _JOURNALS, {"general_journal_document": document}).body, "id")

    def find_statement(self, access: Access, statement: Statement) -> list[Found]:
        """The statement that holds the largest of its movements: the list of a day is cut off at a hundred."""
        if not statement.lines:
            return []
        largest = max(statement.lines, key=lambda line: abs(line.amount))
        day, amount = f"{largest.date:%Y%m%d}", _text(abs(largest.amount), statement.currency)
        account = self._financial_account(access, statement.account)
        wanted = f"period:{day}..{day},financial_account_id:{account},amount_from:{amount},amount_to:{amount}"
        rows = self._get(access, "financial_mutations", filter=wanted).body
        ours = {
            str(row["financial_statement_id"])
            for row in rows
            if row.get("account_servicer_transaction_id") == largest.key
        }
        if not ours and len(rows) >= _MOST_LISTED:
            raise NotReached("too_many_to_find")
        return [Found(one) for one in sorted(ours)]

    def push_statement(self, access: Access, statement: Statement) -> str:
        """One statement with its movements; its reference is unique there."""
        lines = [
            {
                "date": line.date.isoformat(),
                "message": line.description,
                "amount": _text(line.amount, statement.currency),
                "offset": at,
                "account_servicer_transaction_id": line.key,
            }
            for at, line in enumerate(statement.lines)
        ]
        body = {
            "financial_account_id": self._financial_account(access, statement.account),
            "reference": statement.key,
            "official_date": statement.date.isoformat(),
            "official_balance": _text(statement.closing, statement.currency),
            "importer_key": "onetill",
            "financial_mutations_attributes": lines,
        }
        access.hold()
        return created(self._post(access, "financial_statements", {"financial_statement": body}).body, "id")

    def link_invoices(self, access: Access, statement: Statement) -> None:
        """Link each movement that is not processed yet to the open invoice that it names."""
        wanted = {line.key: line for line in statement.lines if line.invoice}
        account = self._financial_account(access, statement.account)
        for day in sorted({line.date for line in wanted.values()}):
            amounts = sorted({line.amount for line in wanted.values() if line.date == day})
            for row in self._unprocessed(access, account, f"{day:%Y%m%d}", amounts, statement.currency):
                line = wanted.get(str(row.get("account_servicer_transaction_id")))
                if line is not None:
                    self._link(access, str(row["id"]), line, statement.currency)

    def _link(self, access: Access, mutation: str, line: StatementLine, currency: str) -> None:
        try:
            invoice = self._get(access, f"sales_invoices/find_by_invoice_id/{quote(line.invoice, safe='')}").body
            unpaid = minor(invoice.get("total_unpaid") or 0, currency)
            if invoice.get("state") not in _OPEN or invoice.get("currency") != currency or unpaid < line.amount:
                return
            amount = _text(line.amount, currency)
            booking = {"booking_type": "SalesInvoice", "booking_id": str(invoice["id"]), "price_base": amount}
            access.hold()
            self._patch(access, f"financial_mutations/{mutation}/link_booking", booking)
        except Refused as refusal:
            # It stays among what is to be processed there, and the rest of the day is not held up by it.
            logger.warning("no invoice was linked to movement %s: %s", mutation, refusal.code)

    def _unprocessed(
        self, access: Access, account: str, day: str, amounts: Sequence[int], currency: str
    ) -> Iterator[Any]:
        """The movements of these amounts; a list that is cut off is asked for in halves."""
        low, high = (_text(abs(amount), currency) for amount in (amounts[0], amounts[-1]))
        wanted = f"period:{day}..{day},state:unprocessed,financial_account_id:{account}"
        rows = self._get(access, "financial_mutations", filter=f"{wanted},amount_from:{low},amount_to:{high}").body
        if len(rows) < _MOST_LISTED or len(amounts) == 1:
            yield from rows
            return
        half = len(amounts) // 2
        for some in (amounts[:half], amounts[half:]):
            yield from self._unprocessed(access, account, day, some, currency)

    def _accounts(self, access: Access) -> dict[str, str]:
        rows = self._get(access, "ledger_accounts").body
        return codes([row for row in rows if row.get("active", True)], "account_id", "id")

    def _financial_account(self, access: Access, number: str) -> str:
        return known(codes(self._get(access, "financial_accounts").body, "identifier", "id"), number)

    def _url(self, access: Access, what: str) -> str:
        return f"{base_of(self.code)}/{access.settings['administration']}/{what}.json"

    def _get(self, access: Access, what: str, **params: str) -> Answer:
        return ask("GET", self._url(access, what), headers=bearer(access), params=params, explain=_words)

    def _post(self, access: Access, what: str, body: Any) -> Answer:
        return ask("POST", self._url(access, what), headers=bearer(access), body=body, writes=True, explain=_words)

    def _patch(self, access: Access, what: str, body: Any) -> Answer:
        return ask("PATCH", self._url(access, what), headers=bearer(access), body=body, writes=True, explain=_words)


def _text(amount: int, currency: str) -> str:
    return str(decimal(amount, currency))


def _total(row: Any, currency: str) -> int:
    return sum(minor(line.get("debit") or 0, currency) for line in row.get("general_journal_document_entries", ()))


def _words(body: Any) -> str:
    error = body["error"]
    if isinstance(error, dict):
        return "; ".join(f"{field} {', '.join(map(str, texts))}" for field, texts in error.items())
    return str(error)
