"""The interface of bookkeeping packages: what a connector must do, without any table of ours.

Adding one is three stops: a module that implements `Connector`, its dotted path in `CONNECTORS` (settings), and its
stage in `tests/connectors/stages.py`, whose contract test runs every connector of the registry.

None of these packages but Xero takes an idempotency key. So each journal carries **our own key in a field that people
see**, and `find` looks it up before every attempt: what was accepted and never answered is found, and not sent again.

What goes wrong is one of the errors below; which of them it is decides what happens next. A connector raises nothing
else: anything else is a defect.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar, Final, Protocol

from payments.core.money import Money
from payments.providers.base import Credential

LONGEST_KEY: Final = 25  # SnelStart's field `boekstuk`, the shortest of all


class ConnectorError(Exception):
    """What went wrong, for the operator: a stable `code`, and the package's own words or ours."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


class NotReached(ConnectorError):
    """It is certain that nothing arrived, or nothing was changed: it is simply tried again."""


class Unclear(ConnectorError):
    """It may have been done: it is looked for before anything is sent again."""


class RateLimited(ConnectorError):
    """Too many requests; nothing was done. After `seconds` it is tried again."""

    def __init__(self, seconds: float) -> None:
        super().__init__("rate_limited")
        self.seconds = seconds


class TokenRefused(ConnectorError):
    """The access token is not, or no longer, good: a new one may be."""


class SignInNeeded(ConnectorError):
    """Nothing but a person's new sign-in, or other credentials, helps."""


class Refused(ConnectorError):
    """The package says no, and would say no again: a person has to change something."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that is no secret: which administration, which journal."""

    name: str
    required: bool = True
    default: str = ""
    choices: tuple[str, ...] = ()


# Of packages that get journals: whether the invoices that orders name are marked as paid there.
LEAVE, PAY = "leave", "pay"
INVOICES: Final = Setting("invoices", required=False, default=LEAVE, choices=(LEAVE, PAY))


@dataclass(frozen=True, slots=True)
class OAuth:
    """Where a person signs in, and where codes and refresh tokens are exchanged; paths below the two bases."""

    authorize: str
    token: str
    scopes: tuple[str, ...]
    basic: bool = False  # client id and secret in the header Authorization, else in the form


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a connector needs and can do."""

    credentials: tuple[Credential, ...]
    settings: tuple[Setting, ...] = ()
    oauth: OAuth | None = None
    statements: bool = False  # takes statements of accounts, to match open invoices with
    finds_statements: bool = False  # and can tell whether it has one
    links_invoices: bool = False  # and marks the invoices as paid that its lines name
    pays_invoices: bool = False  # beside journals, books payments of invoices, where its setting `invoices` says so
    longest_text: int = 250  # of a line's description


@dataclass(frozen=True, slots=True)
class Tokens:
    """What requests are signed with. `refresh` is used once where tokens rotate; `expires_at` None: not known."""

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """All that a connector knows of one merchant: its secrets are never logged."""

    credentials: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str]
    tokens: Tokens | None = None
    hold: Callable[[], None] = lambda: None  # called just before something is written there; raises if we may no more


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a journal: `account` is the package's own code, `amount` in minor units, a debit positive."""

    account: str
    amount: int
    description: str


@dataclass(frozen=True, slots=True)
class Journal:
    """A day's entries, summed up per account and side. It balances, and `key` names it for good."""

    key: str
    date: date
    currency: str
    description: str
    lines: Sequence[Line]

    @property
    def total(self) -> int:
        """What is debited, in minor units."""
        return sum(line.amount for line in self.lines if line.amount > 0)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement of an account: `amount` in minor units, what came in positive; `key` names it for good.

    `invoice` is the number of the invoice that a sale pays.
    """

    key: str
    date: date
    amount: int
    description: str
    invoice: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A day of one account, and the same as a CAMT.053 `file`; `account` is how the package knows it."""

    key: str
    account: str
    date: date
    currency: str
    opening: int
    closing: int
    lines: Sequence[StatementLine]
    file: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class InvoicePayment:
    """A sale that pays an invoice: `amount` in minor units, above zero; `key` names it for good.

    It is booked from `account`, the package's code of the clearing account on which journals put what was sold.
    """

    key: str
    date: date
    currency: str
    account: str
    amount: int
    invoice: str
    description: str


@dataclass(frozen=True, slots=True)
class Found:
    """Something under our key: its id there, and its debit total in minor units where the package tells it."""

    remote_id: str
    total: int | None = None


class Connector(Protocol):
    """One bookkeeping package. Every method may raise any `ConnectorError`."""

    code: ClassVar[str]
    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]

    def renew(self, access: Access) -> Tokens:
        """Return tokens to work with: by the refresh token, or for the credentials where these are enough."""
        ...

    def check(self, access: Access) -> str:
        """Return the name of the administration that answers; proves that the settings are right."""
        ...

    def find(self, access: Access, journal: Journal) -> list[Found]:
        """Return everything that the package has under the key of this journal."""
        ...

    def push(self, access: Access, journal: Journal) -> str:
        """Book a journal and return its id there. `find` has just found nothing."""
        ...

    def find_statement(self, access: Access, statement: Statement) -> list[Found]:
        """Return the statements under this key; only where `finds_statements`."""
        ...

    def push_statement(self, access: Access, statement: Statement) -> str:
        """Hand a statement over and return its id there; only where `statements`."""
        ...

    def link_invoices(self, access: Access, statement: Statement) -> None:
        """Mark the open invoices that the lines of a statement name as paid by them; only where `links_invoices`.

        It may be repeated: what is linked already stays. A line whose invoice is not open, or less than it, stays for
        a person there.
        """
        ...

    def find_payment(self, access: Access, payment: InvoicePayment) -> list[Found]:
        """Return the payments under this key; only where `pays_invoices`."""
        ...

    def pay_invoice(self, access: Access, payment: InvoicePayment) -> str:
        """Pay the one open invoice of this number with exactly this amount; return the payment's id there.

        Raises:
            Refused: there is no such open invoice, or several, or less is open than was paid (`open_invoice`).
        """
        ...


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """A sales invoice as a package tells it: what is `unpaid` in minor units, and what is needed to pay it."""

    id: str
    unpaid: int
    currency: str


def open_invoice(found: Sequence[OpenInvoice], payment: InvoicePayment) -> OpenInvoice:
    """Return the one that a payment is for.

    Raises:
        Refused: `invoice_not_open`, `invoice_ambiguous`, `invoice_currency`, `invoice_less_open`.
    """
    if not found:
        raise Refused("invoice_not_open", payment.invoice)
    if len(found) > 1:
        raise Refused("invoice_ambiguous", payment.invoice)
    (only,) = found
    if only.currency != payment.currency:
        raise Refused("invoice_currency", f"{payment.invoice}: {only.currency}")
    if only.unpaid < payment.amount:
        unpaid = Money(only.unpaid, only.currency)
        raise Refused("invoice_less_open", f"{payment.invoice}: {unpaid.to_decimal()} {unpaid.currency}")
    return only


class NoInvoices:
    """For packages in which no invoice can be paid beside journals."""

    def find_payment(self, access: Access, payment: InvoicePayment) -> list[Found]:
        """Refuse it."""
        raise Refused("invoices_not_supported")

    def pay_invoice(self, access: Access, payment: InvoicePayment) -> str:
        """Refuse it."""
        raise Refused("invoices_not_supported")


class JournalsOnly:
    """For packages that take no statements."""

    def find_statement(self, access: Access, statement: Statement) -> list[Found]:
        """Refuse it."""
        raise Refused("statements_not_supported")

    def link_invoices(self, access: Access, statement: Statement) -> None:
        """Refuse it."""
        raise Refused("statements_not_supported")

    def push_statement(self, access: Access, statement: Statement) -> str:
        """Refuse it."""
        raise Refused("statements_not_supported")
