"""Who gets what on every page of the admin: one declared row each, from which `test_admin_matrix` makes all cases.

A new page, button or action is one entry here; one that has none fails the test. Who may do what is said here once
more, by hand: what the application grants is not asked.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from payments.people.permissions import May

OWNER, FINANCE, MANAGER, CLERK, AUDITOR = "owner", "finance", "store_manager", "clerk", "auditor"
SERVICE, CONTROLLER, DEVELOPER = "service", "controller", "developer"
ROLES: Final = (OWNER, FINANCE, MANAGER, CLERK, AUDITOR, SERVICE, CONTROLLER, DEVELOPER)
HOLDERS: Final[dict[May, set[str]]] = {
    May.SEE: {OWNER, FINANCE, MANAGER, CLERK, AUDITOR, SERVICE, CONTROLLER, DEVELOPER},
    May.SERVE: {OWNER, FINANCE, MANAGER, CLERK, SERVICE},
    May.SEE_BOOKS: {OWNER, FINANCE, AUDITOR, CONTROLLER},
    May.SEE_AUDIT_LOG: {OWNER, FINANCE, AUDITOR, CONTROLLER},
    May.REQUEST_PAYMENT: {OWNER, FINANCE, MANAGER, CLERK, SERVICE},
    May.SEND_MAIL: {OWNER, FINANCE, MANAGER, CLERK, SERVICE},
    May.REFUND: {OWNER, FINANCE, MANAGER, CLERK},
    May.RELEASE_TRANSFERS: {OWNER, FINANCE, CONTROLLER},
    May.RESOLVE: {OWNER, FINANCE, CONTROLLER},
    May.APPROVE_REFUNDS: {OWNER, FINANCE, MANAGER, CONTROLLER},
    May.MOVE_CASH: {OWNER, FINANCE, MANAGER},
    May.MANAGE_TERMINALS: {OWNER, MANAGER},
    May.MANAGE_KEYS: {OWNER, DEVELOPER},
    May.MANAGE_WEBHOOKS: {OWNER, DEVELOPER},
    May.MANAGE_SETTINGS: {OWNER},
    May.MANAGE_USERS: {OWNER},
    May.ERASE_CUSTOMERS: {OWNER, FINANCE},
}


class Rows(StrEnum):
    """Which rows of their merchant somebody sees whose role is in one channel."""

    CHANNEL = "channel"  # that channel's
    SERVED = "served"  # who serves customers: every channel's; others: that channel's
    SHARED = "shared"  # all
    WHOLE = "whole"  # none: they are about the merchant as a whole


class Where(StrEnum):
    """Where a role has to be for a button on a row that somebody sees."""

    HERE = "here"  # at the merchant, or in the channel of the row
    ANY = "any"  # in whichever channel of the merchant
    WHOLE = "whole"  # at the merchant


@dataclass(frozen=True)
class Button:
    """A page below a row's: `name` is how its address ends. `posted`: it is a form of the row's page, and no page."""

    name: str
    needs: May
    where: Where = Where.HERE
    posted: bool = False
    shows: bool = False  # it only shows something, and is no button of the page
    only: dict[str, Any] = field(default_factory=dict)  # the rows that have it, where others answer 404
    form: dict[str, Any] = field(default_factory=dict)  # what the page that it asks for sends


@dataclass(frozen=True)
class Listed:
    """A model with a list, and a page for each row; `merchant` and `channel` are lookups ("" for no channel)."""

    model: str
    sees: May
    rows: Rows
    buttons: tuple[Button, ...] = ()
    merchant: str = "merchant_id"
    channel: str = "channel_id"
    adds: May | None = None
    actions: tuple[Button, ...] = ()  # on the rows that are ticked
    only: dict[str, Any] = field(default_factory=dict)  # which rows the test opens

    @property
    def path(self) -> str:
        return f"admin/{self.model.replace('.', '/')}/"


def buttons(needs: May, *names: str, where: Where = Where.HERE) -> list[Button]:
    """Some that need the same."""
    return [Button(name, needs, where) for name in names]


def books(*models: str, **more: Any) -> list[Listed]:
    """What only those who see the books see, of the merchant as a whole."""
    return [Listed(model, May.SEE_BOOKS, Rows.WHOLE, channel="", **more) for model in models]


_PDF: Final = "receipt.pdf"
_OF_SETTINGS: Final = (
    "add-refund-rule",
    "add-refund-reason",
    "set",
    "add-channel",
    "add-account",
    "decide-alone",
    "decide-together",
)
_OF_USERS: Final = ("give-role", "take-role", "invite-again", "recover", "end-sign-ins", "close", "open")
TABLE: Final = [
    *books("ledger.account", "ledger.journalentry", "payments.providerevent", "reconciliation.announcement"),
    *books(
        "reconciliation.bankaccount",
        "reconciliation.bankstatement",
        "reconciliation.payout",
        "reconciliation.settlement",
    ),
    *books(
        "reconciliation.export",
        buttons=(
            Button("file/", May.SEE_BOOKS, Where.WHOLE, shows=True),
            Button("hand-over/", May.RESOLVE, Where.WHOLE),
        ),
        only={"status": "ready"},
    ),
    *books("reconciliation.accountmapping"),
    *books("reconciliation.matchingrule", merchant="provider_account__merchant_id"),
    *books("reconciliation.exportschedule", buttons=tuple(buttons(May.RESOLVE, "end/", "try/", where=Where.WHOLE))),
    *books("reconciliation.bankstatementline", merchant="statement__merchant_id"),
    *books("reconciliation.settlementline", merchant="settlement__merchant_id"),
    *books("payments.workfailure", buttons=(Button("retry/", May.RESOLVE, Where.WHOLE),)),
    Listed("reconciliation.settlementfile", May.SEE_BOOKS, Rows.CHANNEL),
    *books(
        "reconciliation.filemapping",
        buttons=(
            Button("remove/", May.RESOLVE, Where.WHOLE),
            Button("export/", May.SEE_BOOKS, Where.WHOLE, shows=True),
        ),
    ),
    *books(
        "reconciliation.period",
        buttons=tuple(buttons(May.RESOLVE, "close/", "override/", "reopen/", where=Where.WHOLE)),
    ),
    *books(
        "reconciliation.connector",
        buttons=(
            *buttons(May.MANAGE_SETTINGS, "sign-in/", "set/", "access/", "off/", "on/", "remove/", where=Where.WHOLE),
            Button("send/", May.RESOLVE, Where.WHOLE),
        ),
    ),
    *books(
        "reconciliation.connectordocument",
        merchant="connector__merchant_id",
        buttons=tuple(buttons(May.RESOLVE, "again/", "mark-sent/", where=Where.WHOLE)),
    ),
    Listed("notify.event", May.SEE, Rows.CHANNEL),
    Listed("notify.mail", May.SEE, Rows.CHANNEL, (Button("again/", May.SEND_MAIL),)),
    Listed(
        "notify.webhookdelivery",
        May.MANAGE_WEBHOOKS,
        Rows.CHANNEL,
        merchant="endpoint__merchant_id",
        channel="endpoint__channel_id",
        actions=tuple(buttons(May.MANAGE_WEBHOOKS, "resend")),
    ),
    Listed("notify.webhookendpoint", May.MANAGE_WEBHOOKS, Rows.CHANNEL),
    Listed(
        "payments.banktransfer",
        May.RELEASE_TRANSFERS,
        Rows.CHANNEL,
        merchant="refund__merchant_id",
        channel="refund__channel_id",
    ),
    *(
        Listed(
            f"payments.{model}",
            May.SEE,
            Rows.SHARED,
            (Button(f"{does}/", May.MANAGE_SETTINGS, Where.WHOLE),),
            channel="",
        )
        for model, does in (("refundrule", "end"), ("refundreason", "switch"))
    ),
    Listed(
        "payments.transferbatch",
        May.RELEASE_TRANSFERS,
        Rows.WHOLE,
        (
            Button("download/", May.RELEASE_TRANSFERS, Where.WHOLE),
            Button("cancel/", May.RELEASE_TRANSFERS, Where.WHOLE),
        ),
        channel="",
    ),
    Listed("payments.cardevidence", May.SEE, Rows.CHANNEL, channel="payment__channel_id"),
    Listed("payments.chargeback", May.SEE, Rows.CHANNEL, channel="payment__channel_id"),
    Listed(
        "payments.discrepancy",
        May.SEE,
        Rows.CHANNEL,
        # Who may not resolve is told so on the page of the row.
        tuple(Button(name, May.SEE, posted=True) for name in ("resolve/", "undo/", "assign/")),
        actions=(
            *buttons(May.RESOLVE, "take", "leave"),
            Button("settle", May.RESOLVE, form={"confirmed": "1", "do": "ask_provider", "note": "What is this?"}),
        ),
    ),
    Listed(
        "payments.merchant",
        May.SEE,
        Rows.SHARED,
        (
            *buttons(May.MANAGE_SETTINGS, *(f"{name}/" for name in _OF_SETTINGS), where=Where.WHOLE),
            Button("invite/", May.MANAGE_USERS, Where.WHOLE),
        ),
        merchant="id",
        channel="",
    ),
    Listed(
        "payments.channel",
        May.SEE,
        Rows.SHARED,
        (
            Button("issue-voucher/", May.APPROVE_REFUNDS),
            Button("add-staff/", May.MANAGE_TERMINALS),
            Button("set/", May.MANAGE_SETTINGS, Where.WHOLE),
        ),
        channel="id",
    ),
    Listed(
        "payments.provideraccount",
        May.SEE,
        Rows.SHARED,
        (Button("set/", May.MANAGE_SETTINGS, Where.WHOLE), Button("try/", May.MANAGE_SETTINGS, Where.WHOLE)),
        channel="",
    ),
    Listed(
        "payments.order",
        May.SEE,
        Rows.SERVED,
        (
            Button("refund/", May.REFUND, Where.ANY),
            Button("exchange/", May.REFUND, Where.ANY),
            Button("link/", May.REQUEST_PAYMENT, Where.ANY),
            Button("terminal/", May.REQUEST_PAYMENT, Where.ANY),
        ),
    ),
    Listed(
        "payments.payment",
        May.SEE,
        Rows.SERVED,
        (
            *buttons(May.RESOLVE, "capture/", "cancel/"),
            Button("refund/", May.REFUND, Where.ANY),
            Button("receipt/", May.SEND_MAIL),
            Button(_PDF, May.SEE, Where.ANY, only={"status": "captured"}),
        ),
    ),
    Listed(
        "payments.till",
        May.SEE,
        Rows.CHANNEL,
        tuple(buttons(May.MOVE_CASH, "count/", "paid_in/", "paid_out/", "deposit/", "float/")),
    ),
    Listed(
        "payments.refund",
        May.SEE,
        Rows.SERVED,
        (
            *buttons(May.APPROVE_REFUNDS, "approve/", "reject/"),
            Button("release/", May.RELEASE_TRANSFERS),
            Button("cancel/", May.REFUND),
            Button("receipt/", May.SEND_MAIL),
            Button(_PDF, May.SEE, Where.ANY, only={"parts__status": "succeeded"}),
        ),
    ),
    Listed(
        "payments.paymentlink",
        May.SEE,
        Rows.CHANNEL,
        (Button("send/", May.REQUEST_PAYMENT), Button("cancel/", May.REQUEST_PAYMENT)),
        adds=May.REQUEST_PAYMENT,
    ),
    Listed("payments.voucher", May.SEE, Rows.CHANNEL),
    Listed(
        "people.apikey",
        May.MANAGE_KEYS,
        Rows.WHOLE,
        channel="",
        adds=May.MANAGE_KEYS,
        actions=tuple(buttons(May.MANAGE_KEYS, "roll", "revoke", where=Where.WHOLE)),
    ),
    # Who may not decide is told so on the page of the row.
    Listed("people.approval", May.SEE, Rows.CHANNEL, (Button("decide/", May.SEE, posted=True),)),
    Listed("people.auditlog", May.SEE_AUDIT_LOG, Rows.WHOLE, channel=""),
    Listed(
        "people.customer",
        May.SEE,
        Rows.WHOLE,
        channel="",
        actions=tuple(buttons(May.ERASE_CUSTOMERS, "erase", where=Where.WHOLE)),
    ),
    Listed(
        "people.user",
        May.MANAGE_USERS,
        Rows.WHOLE,
        tuple(buttons(May.MANAGE_USERS, *(f"{name}/" for name in _OF_USERS), where=Where.WHOLE)),
        merchant="roles__merchant_id",
        channel="",
        only={"username__startswith": "colleague"},
    ),
    Listed(
        "terminals.counterbrowser",
        May.SEE,
        Rows.CHANNEL,
        (Button("unpair/", May.MANAGE_TERMINALS),),
        adds=May.MANAGE_TERMINALS,
    ),
    Listed(
        "terminals.staffcode",
        May.SEE,
        Rows.CHANNEL,
        (
            Button("remove/", May.MANAGE_TERMINALS),
            Button("starter-code/", May.MANAGE_TERMINALS),
        ),
        adds=May.SERVE,
    ),
    Listed(
        "terminals.sequenceconflict",
        May.SEE,
        Rows.CHANNEL,
        merchant="terminal__merchant_id",
        channel="terminal__channel_id",
    ),
    Listed("terminals.shift", May.SEE, Rows.CHANNEL),
    Listed(
        "terminals.terminalaction",
        May.SEE,
        Rows.CHANNEL,
        tuple(buttons(May.REQUEST_PAYMENT, "abort/", "ask/")),
    ),
    Listed(
        "terminals.terminal",
        May.SEE,
        Rows.CHANNEL,
        (Button("take-payment/", May.REQUEST_PAYMENT),),
        adds=May.MANAGE_TERMINALS,
        actions=tuple(buttons(May.MANAGE_TERMINALS, "new_code", "revoke")),
    ),
    Listed(
        "terminals.terminaltransaction",
        May.SEE,
        Rows.CHANNEL,
        merchant="terminal__merchant_id",
        channel="terminal__channel_id",
    ),
]
# Pages that are about no row. Who holds this opens them; None: whoever is signed in.
PAGES: Final[dict[str, May | None]] = {
    "admin/": None,
    "admin/sales/": May.SEE,
    "admin/reports/": May.SEE,
    "admin/return-reasons/": May.SEE,
    "admin/vouchers-outstanding/": May.SEE_BOOKS,
    "admin/trial-balance/": May.SEE_BOOKS,
    "admin/account/": None,
    "admin/password_change/": None,
    "admin/search/": May.SEE,
    "admin/second-factor/": None,
    "admin/reconciliation/settlementfile/upload/": May.RESOLVE,
    "admin/reconciliation/bankaccount/enter/": May.RESOLVE,
    "admin/terminals/terminal/exposure/": May.SEE,
    "admin/terminals/terminal/day-report/": May.SEE,
    "admin/terminals/terminal/day-report/day-report.pdf": May.SEE,
    "admin/reconciliation/payout/forecast/": May.SEE_BOOKS,
    "admin/reconciliation/payout/fees/": May.SEE_BOOKS,
    "admin/reconciliation/period/days/": May.SEE_BOOKS,
    "admin/reconciliation/period/months/": May.SEE_BOOKS,
    "admin/reconciliation/filemapping/make/": May.RESOLVE,
    "admin/reconciliation/connector/connect/": May.MANAGE_SETTINGS,
    "admin/reconciliation/export/new/": May.RESOLVE,
    "admin/reconciliation/exportschedule/new/": May.RESOLVE,
    "admin/payments/banktransfer/prepare/": May.RELEASE_TRANSFERS,
}
# Of these, what is done for the merchant as a whole: who works in one channel is refused.
OF_THE_WHOLE: Final = {"admin/payments/banktransfer/prepare/"}
# Doors, which stand open; what only leads elsewhere; and what a person does to their own account (`tests/people`).
ELSEWHERE: Final = {
    *("admin/login/", "admin/login/code/", "admin/login/forgot/", "admin/logout/", "admin/join/()/"),
    *("admin/kept-form/", "admin/second-factor/new/", "admin/second-factor/codes/", "admin/account/end/"),
    *("admin/passkeys/new/", "admin/passkeys/remove/"),
    # Each goes by the rights of the list that it names (`tests/admin/test_lists.py`).
    *(f"admin/lists/()/{tool}/" for tool in ("totals", "columns", "views", "views/save", "views/()/remove")),
    *(f"admin/lists/()/{tool}/" for tool in ("file", "file/()", "file/()/state", "file/()/download")),
    *("admin/live/", "admin/language/", "admin/password_change/done/", "admin/jsi18n/", "admin/r/()/()/"),
    "admin/reconciliation/export/live/",
    *("admin/autocomplete/", "admin/()", "admin/()/", "admin/reconciliation/settlement/of-item/()/"),
    "admin/reconciliation/connector/signed-in/",
}
