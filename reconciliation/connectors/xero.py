"""Xero: manual journals.

Spec-validated: written against Xero's published OpenAPI document, and never run against Xero itself. The one package
with an idempotency key of its own (`Idempotency-Key`), which is sent beside ours in the narration. A manual journal
cannot book on Xero's own bank and tax accounts.
"""

from typing import Any, ClassVar

from payments.providers.base import Credential
from reconciliation.connectors.base import (
    Access,
    Capabilities,
    Found,
    Journal,
    JournalsOnly,
    OAuth,
    Refused,
    Setting,
    Tokens,
)
from reconciliation.connectors.http import Answer, ask
from reconciliation.connectors.package import base_of, bearer, created, decimal, minor, renewed


class Xero(JournalsOnly):
    """Signed in by OAuth; refresh tokens rotate."""

    code: ClassVar[str] = "xero"
    name: ClassVar[str] = "Xero"
    capabilities: ClassVar[Capabilities] = Capabilities(
        credentials=(Credential("client_id", secret=False), Credential("client_secret")),
        settings=(Setting("tenant", required=False),),
        oauth=OAuth(
            "/identity/connect/authorize",
            "/connect/token",
            ("offline_access", "accounting.transactions", "accounting.settings.read"),
            basic=True,
        ),
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
        headers = {**self._headers(access), "Idempotency-Key": journal.key}
        access.hold()
        url = f"{base_of(self.code)}/api.xro/2.0/ManualJournals"
        body = {"ManualJournals": [made]}
        answer = ask("PUT", url, headers=headers, body=body, writes=True, explain=_words)
        return created(answer.body, "ManualJournals", 0, "ManualJournalID")

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
