"""Xero: manual journals, and payments of invoices.

Spec-validated: written against Xero's published OpenAPI document, and never run against Xero itself. The one package
with an idempotency key of its own (`Idempotency-Key`), which is sent beside ours in the narration. A manual journal
cannot book on Xero's own bank and tax accounts; a payment is taken from an account only where Xero's chart of accounts
says "enable payments to this account" of it. Our key stands in the payment's reference.
"""

from typing import Any, ClassVar

from payments.providers.base import Credential
from reconciliation.connectors.base import (
    INVOICES,
    Access,
    Capabilities,
    Found,
    InvoicePayment,
    Journal,
    JournalsOnly,
    OAuth,
    OpenInvoice,
    Refused,
    Setting,
    Tokens,
    open_invoice,
)
from reconciliation.connectors.http import Answer, ask
from reconciliation.connectors.package import base_of, bearer, created, decimal, minor, renewed


class Xero(JournalsOnly):
    """Signed in by OAuth; refresh tokens rotate."""

    code: ClassVar[str] = "xero"
    name: ClassVar[str] = "Xero"
    capabilities: ClassVar[Capabilities] = Capabilities(
        credentials=(Credential("client_id", secret=False), Credential("client_secret")),
        settings=(Setting("tenant", required=False), INVOICES),
        oauth=OAuth(
            "/identity/connect/authorize",
            "/connect/token",
            ("offline_access", "accounting.transactions", "accounting.settings.read"),
            basic=True,
        ),
        pays_invoices=True,
    )

    def renew(self, access: Access) -> Tokens:
        """By the refresh token, which is used up by it."""
        return renewed(self.code, self.capabilities, access)

    def check(self, access: Access) -> str:
        """The name of the organisation."""
        return str(self._get(access, "Organisation").body["Organisations"][0]["Name"])

    def find(self, access: Access, journal: Journal) -> list[Found]:
        """Journals whose narration begins with our key, voided and deleted ones left out."""
        rows = self._get(access, "ManualJournals", where=f'Narration.StartsWith("{journal.key} ")').body
        return [
            Found(str(row["ManualJournalID"]), _total(row, journal.currency))
            for row in rows["ManualJournals"]
            if str(row.get("Narration", "")).startswith(f"{journal.key} ")
            and row.get("Status") not in ("DELETED", "VOIDED")
        ]

    def push(self, access: Access, journal: Journal) -> str:
        """One posted journal without tax; PUT creates, and never overwrites one."""
        lines = [
            {
                "LineAmount": decimal(line.amount, journal.currency),
                "AccountCode": line.account,
                "Description": line.description,
                "TaxType": "NONE",
            }
            for line in journal.lines
        ]
        made = {
            "Narration": f"{journal.key} {journal.description}",
            "Date": journal.date.isoformat(),
            "LineAmountTypes": "NoTax",
            "Status": "POSTED",
            "JournalLines": lines,
        }
        answer = self._put(access, "ManualJournals", made, key=journal.key)
        return created(answer.body, "ManualJournals", 0, "ManualJournalID")

    def find_payment(self, access: Access, payment: InvoicePayment) -> list[Found]:
        """Payments with our key as their reference, deleted ones left out."""
        rows = self._get(access, "Payments", where=f'Reference=="{payment.key}"').body["Payments"]
        return [
            Found(str(row["PaymentID"]), minor(row["Amount"], payment.currency))
            for row in rows
            if row.get("Reference") == payment.key and row.get("Status") != "DELETED"
        ]

    def pay_invoice(self, access: Access, payment: InvoicePayment) -> str:
        """One payment of the one approved sales invoice of this number."""
        invoice = open_invoice(self._unpaid(access, payment), payment)
        made = {
            "Invoice": {"InvoiceID": invoice.id},
            "Account": {"Code": payment.account},
            "Date": payment.date.isoformat(),
            "Amount": decimal(payment.amount, payment.currency),
            "Reference": payment.key,
        }
        return created(self._put(access, "Payments", made, key=payment.key).body, "Payments", 0, "PaymentID")

    def _unpaid(self, access: Access, payment: InvoicePayment) -> list[OpenInvoice]:
        """What Xero lists under the number: a comma in it divides numbers, so that others may be listed, too."""
        rows = self._get(access, "Invoices", InvoiceNumbers=payment.invoice, Statuses="AUTHORISED").body["Invoices"]
        return [
            OpenInvoice(
                id=str(row["InvoiceID"]),
                unpaid=minor(row.get("AmountDue") or 0, payment.currency),
                currency=str(row["CurrencyCode"]),
            )
            for row in rows
            if row.get("Type") == "ACCREC"
            and row.get("Status") == "AUTHORISED"
            and row.get("InvoiceNumber") == payment.invoice
        ]

    def _put(self, access: Access, what: str, made: dict[str, Any], *, key: str) -> Answer:
        headers = {**self._headers(access), "Idempotency-Key": key}
        access.hold()
        url = f"{base_of(self.code)}/api.xro/2.0/{what}"
        return ask("PUT", url, headers=headers, body={what: [made]}, writes=True, explain=_words)

    def _headers(self, access: Access) -> dict[str, str]:
        return {**bearer(access), "xero-tenant-id": access.settings.get("tenant") or self._only_tenant(access)}

    def _only_tenant(self, access: Access) -> str:
        rows = ask("GET", f"{base_of(self.code)}/connections", headers=bearer(access)).body
        if len(rows) != 1:
            raise Refused("administration_ambiguous", ", ".join(str(row.get("tenantName")) for row in rows))
        return str(rows[0]["tenantId"])

    def _get(self, access: Access, what: str, **params: str) -> Answer:
        url = f"{base_of(self.code)}/api.xro/2.0/{what}"
        return ask("GET", url, headers=self._headers(access), params=params, explain=_words)


def _total(row: Any, currency: str) -> int | None:
    """What it debits; a list may leave the lines out."""
    lines = row.get("JournalLines")
    return sum(max(0, minor(line["LineAmount"], currency)) for line in lines) if lines else None


def _words(body: Any) -> str:
    faults = [fault["Message"] for row in body.get("Elements", ()) for fault in row.get("ValidationErrors", ())]
    return "; ".join(faults) or str(body["Message"])
