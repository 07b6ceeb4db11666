"""e-Boekhouden (REST v1): mutations of the type journal.

A reconstruction: written against a specification put together from other clients, and never run against e-Boekhouden
itself. Our key is the mutation's `entryNumber`, which its list filters by. A journal is written from the side of one
ledger account (the first line's), the others are its rows; whether a positive row debits it is not documented, so that
the setting `positive` turns the sign. Compare the first day that it books.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from payments.providers.base import Credential
from reconciliation.connectors.base import (
    Access,
    Capabilities,
    Found,
    Journal,
    JournalsOnly,
    NotReached,
    Refused,
    Setting,
    SignInNeeded,
    TokenRefused,
    Tokens,
)
from reconciliation.connectors.http import Answer, ask
from reconciliation.connectors.package import base_of, codes, created, decimal, known, shortened

_SOURCE: Final = "Onetill"
_JOURNAL: Final = 7
_PAGE: Final = 2000


class EBoekhouden(JournalsOnly):
    """Signed in by an API token of the administration, for which a session is opened."""

    code: ClassVar[str] = "eboekhouden"
    name: ClassVar[str] = "e-Boekhouden"
    capabilities: ClassVar[Capabilities] = Capabilities(
        credentials=(Credential("access_token"),),
        settings=(Setting("positive", required=False, default="debit", choices=("debit", "credit")),),
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
        rows = self._page(access, "mutation", entryNumber=journal.key)
        return [Found(str(row["id"])) for row in rows if row.get("entryNumber") == journal.key]

    def push(self, access: Access, journal: Journal) -> str:
        """One mutation."""
        accounts = self._accounts(access)
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
        access.hold()
        url = f"{base_of(self.code)}/v1/mutation"
        answer = ask("POST", url, headers=_headers(access), body=mutation, writes=True, explain=_words)
        return created(answer.body, "id")

    def _accounts(self, access: Access) -> dict[str, str]:
        rows: list[Any] = []
        while len(page := self._page(access, "ledger", limit=str(_PAGE), offset=str(len(rows)))) == _PAGE:
            rows += page
        return codes(rows + page, "code", "id")

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
