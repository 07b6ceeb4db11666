"""Exact Online: general journal entries.

Descriptor-based: written against descriptions of the entities, since no official specification exists, and never run
against Exact Online itself; which fields it demands and how it words refusals is not certain. Refresh tokens rotate
and are single-use, and one that comes earlier than 30 seconds before the end is refused. An entry has no reference of
its own: our key begins the description of each of its lines.
"""

from typing import Any, ClassVar

from payments.providers.base import Credential
from reconciliation.connectors.base import (
    Access,
    Capabilities,
    Found,
    Journal,
    JournalsOnly,
    NoInvoices,
    NotReached,
    OAuth,
    Refused,
    Setting,
    Tokens,
)
from reconciliation.connectors.http import Answer, ask
from reconciliation.connectors.package import base_of, bearer, codes, created, decimal, known, minor, renewed, shortened


class ExactOnline(JournalsOnly, NoInvoices):
    """Signed in by OAuth; an access token lives ten minutes."""

    code: ClassVar[str] = "exact_online"
    name: ClassVar[str] = "Exact Online"
    capabilities: ClassVar[Capabilities] = Capabilities(
        credentials=(Credential("client_id", secret=False), Credential("client_secret")),
        settings=(Setting("division"), Setting("journal")),
        oauth=OAuth("/api/oauth2/auth", "/api/oauth2/token", ()),
        longest_text=60,
    )

    def renew(self, access: Access) -> Tokens:
        """By the refresh token, which is used up by it."""
        return renewed(self.code, self.capabilities, access)

    def check(self, access: Access) -> str:
        """The name of the journal in its division."""
        wanted = f"Code eq '{_quoted(access.settings['journal'])}'"
        rows = self._rows(access, "financial/Journals", wanted, "Code,Description")
        if len(rows) != 1:
            raise Refused("journal_unknown_there", access.settings["journal"])
        return f"{access.settings['division']} · {rows[0]['Description']}"

    def find(self, access: Access, journal: Journal) -> list[Found]:
        """Entries any of whose lines begins with our key."""
        wanted = f"startswith(Description,'{journal.key} ') eq true"
        rows = self._rows(
            access, "generaljournalentry/GeneralJournalEntryLines", wanted, "EntryID,Description,AmountDC"
        )
        found: dict[str, int] = {}
        for row in rows:
            amount = minor(row["AmountDC"], journal.currency)
            found[str(row["EntryID"])] = found.get(str(row["EntryID"]), 0) + max(amount, 0)
        return [Found(entry, total) for entry, total in sorted(found.items())]

    def push(self, access: Access, journal: Journal) -> str:
        """One entry with its lines; debit is positive. A memorial takes no VAT code but an empty one."""
        accounts = codes(self._rows(access, "financial/GLAccounts", "", "ID,Code"), "Code", "ID")
        lines = [
            {
                "Date": journal.date.isoformat(),
                "GLAccount": known(accounts, line.account),
                "AmountFC": decimal(line.amount, journal.currency),
                "Description": shortened(f"{journal.key} {line.description}", self.capabilities.longest_text),
                "VATCode": "",
            }
            for line in journal.lines
        ]
        entry = {
            "JournalCode": access.settings["journal"],
            "Currency": journal.currency,
            "Type": 90,
            "GeneralJournalEntryLines": lines,
        }
        access.hold()
        url = self._url(access, "generaljournalentry/GeneralJournalEntries")
        answer = ask("POST", url, headers=bearer(access), body=entry, writes=True, explain=_words)
        return created(answer.body, "d", "EntryID")

    def _rows(self, access: Access, what: str, wanted: str, fields: str) -> list[Any]:
        """Every row, page by page. The next page's address has to be the package's own: it gets the token."""
        params = {"$select": fields, **({"$filter": wanted} if wanted else {})}
        url: str | None = self._url(access, what)
        rows: list[Any] = []
        while url is not None:
            answer: Answer = ask("GET", url, headers=bearer(access), params=params or None, explain=_words)
            page = answer.body["d"]
            rows += page["results"] if isinstance(page, dict) else page
            url, params = (page.get("__next") if isinstance(page, dict) else None), {}
            if url is not None and not url.startswith(f"{base_of(self.code)}/"):
                raise NotReached("no_answer", "unreadable")
        return rows

    def _url(self, access: Access, what: str) -> str:
        return f"{base_of(self.code)}/api/v1/{access.settings['division']}/{what}"


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _words(body: Any) -> str:
    return str(body["error"]["message"]["value"])
