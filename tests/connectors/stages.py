"""What each connector of the registry is tried with: the fake of its package, credentials and settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciliation.models import Connector
from reconciliation.services import connector_sign_in
from tests.fake_books.server import Package

CLIENT: Final = {"client_id": "app", "client_secret": "app-secret"}


@dataclass(frozen=True)
class Stage:
    """How one package is connected; `signs_in`: a person does, by OAuth."""

    credentials: Mapping[str, str]
    settings: Mapping[str, str]
    signs_in: bool = False


STAGES: Final[dict[str, Stage]] = {
    "moneybird": Stage({"token": "personal"}, {"administration": "123456789"}),
    "snelstart": Stage({"client_key": "client-key", "subscription_key": "subscription-key"}, {}),
    "exact_online": Stage(CLIENT, {"division": "654321", "journal": "90"}, signs_in=True),
    "eboekhouden": Stage({"access_token": "api-token"}, {}),
    "xero": Stage(CLIENT, {}, signs_in=True),
}
SignIn = Callable[[Connector, Any], None]


def sign_in(row: Connector, package: Any, user: Any) -> Connector:
    """A person goes to the package and comes back with a code."""
    address = connector_sign_in.begin(row, user=user)
    state = address.partition("state=")[2].partition("&")[0]
    return connector_sign_in.finish(state=state, code=package.tokens.code(), user=user)


def needed(package: Package) -> dict[str, str]:
    """The charts of accounts of packages: ids by the codes that Onetill's accounts have there."""
    codes = ("1000", "1100", "1210", "1220", "1230", "1240", "1250", "1520", "1610", "1710", "1720", "2000")
    more = ("2010", "2020", "2030", "2040", "4700", "4710", "4720", "4730", "4740", "8900", "8910")
    return {code: str(500_000 + int(code)) for code in codes + more}
