"""How the admin looks, and what its sidebar leads to."""

from typing import Any, Final

from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

_MAY: Final = "payments.admin.base.navigation"


def _item(title: Any, icon: str, page: str, permission: str, *, waits: str = "") -> dict[str, Any]:
    """One page; `waits` names what of `OpenWork` is counted beside it."""
    item = {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(page if ":" in page else f"admin:{page}_changelist"),
        "permission": f"{_MAY}.{permission}",
    }
    return {**item, "waits": waits} if waits else item


def _group(title: Any, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": False, "collapsible": False, "items": list(items)}


# Beside finance's work stands what is done: the way in leads to what is open.
_OPEN_DISCREPANCIES: Final = lazy(
    lambda: f"{reverse('admin:payments_discrepancy_changelist')}?status__exact=open", str
)()
_WAITING_FOR_ME: Final = lazy(lambda: f"{reverse('admin:people_approval_changelist')}?turn=me", str)()
_UNKNOWN_OUTCOMES: Final = lazy(lambda: f"{reverse('admin:payments_payment_changelist')}?status__exact=unknown", str)()

NAVIGATION: Final = [
    _group(
        None,
        _item(_("Overview"), "dashboard", "admin:index", "sees"),
        {**_item(_("Sales"), "bar_chart", "admin:index", "sees"), "link": reverse_lazy("sales")},
        {**_item(_("Reports"), "table_chart", "admin:index", "sees"), "link": reverse_lazy("reports")},
        {
            **_item(_("Reasons of returns"), "help_center", "admin:index", "oversees"),
            "link": reverse_lazy("return_reasons"),
        },
    ),
    _group(
        _("Payments"),
        _item(_("Payments"), "payments", "payments_payment", "sees"),
        _item(_("Orders"), "shopping_bag", "payments_order", "sees"),
        _item(_("Refunds"), "undo", "payments_refund", "sees"),
        _item(_("Payment links"), "add_link", "payments_paymentlink", "sees"),
        _item(_("Chargebacks"), "gavel", "payments_chargeback", "sees"),
        _item(_("Vouchers"), "redeem", "payments_voucher", "sees"),
        {
            **_item(_("Vouchers outstanding"), "account_balance_wallet", "admin:index", "sees_books"),
            "link": reverse_lazy("vouchers_outstanding"),
        },
        _item(_("Customers"), "group", "people_customer", "sees"),
        _item(_("E-mails"), "mail", "notify_mail", "sees"),
    ),
    _group(
        _("To do"),
        {
            **_item(_("Second person"), "approval", "people_approval", "sees", waits="approvals"),
            "link": _WAITING_FOR_ME,
        },
        {
            **_item(_("Discrepancies"), "rule", "payments_discrepancy", "explains", waits="discrepancies"),
            "link": _OPEN_DISCREPANCIES,
        },
        {
            **_item(_("Unknown outcomes"), "help", "payments_payment", "explains", waits="unknown_outcomes"),
            "link": _UNKNOWN_OUTCOMES,
            # Not on every page of payments, whose address begins alike.
            "active": lambda request: request.GET.get("status__exact") == "unknown",
        },
        _item(_("Bank transfers"), "send_money", "payments_banktransfer", "releases_transfers"),
        _item(_("Batches for the bank"), "account_balance_wallet", "payments_transferbatch", "releases_transfers"),
    ),
    _group(
        _("Terminals"),
        _item(_("Terminals"), "point_of_sale", "terminals_terminal", "sees"),
        _item(_("Tablets and phones"), "tablet_android", "terminals_counterbrowser", "sees"),
        _item(_("Staff codes"), "pin", "terminals_staffcode", "sees"),
        _item(_("Card evidence"), "receipt_long", "payments_cardevidence", "oversees"),
        {
            **_item(_("Day report"), "summarize", "terminals_terminal", "sees"),
            "link": reverse_lazy("admin:terminals_terminal_day_report"),
        },
        {
            **_item(_("Approved offline"), "cloud_off", "terminals_terminal", "oversees"),
            "link": reverse_lazy("admin:terminals_terminal_exposure"),
        },
        _item(_("Tills"), "payments", "payments_till", "handles_cash"),
        _item(_("Requests to terminals"), "point_of_sale", "terminals_terminalaction", "sees"),
        _item(_("Shifts"), "work_history", "terminals_shift", "oversees"),
    ),
    _group(
        _("Reconciliation"),
        _item(_("Settlement files"), "upload_file", "reconciliation_settlementfile", "sees_books"),
        _item(_("Settlements"), "fact_check", "reconciliation_settlement", "sees_books"),
        _item(_("Payouts"), "account_balance", "reconciliation_payout", "sees_books"),
        _item(_("Announced payouts"), "campaign", "reconciliation_announcement", "sees_books"),
        {
            **_item(_("Forecast"), "trending_up", "reconciliation_payout", "sees_books"),
            "link": reverse_lazy("admin:reconciliation_payout_forecast"),
        },
        {
            **_item(_("Fees"), "percent", "reconciliation_payout", "sees_books"),
            "link": reverse_lazy("admin:reconciliation_payout_fees"),
        },
        {
            **_item(_("Days"), "event_available", "reconciliation_period", "sees_books"),
            "link": reverse_lazy("admin:reconciliation_period_days"),
        },
        {
            **_item(_("Months"), "calendar_month", "reconciliation_period", "sees_books"),
            "link": reverse_lazy("admin:reconciliation_period_months"),
        },
        _item(_("Closings"), "lock_clock", "reconciliation_period", "sees_books"),
        _item(_("Bank accounts"), "savings", "reconciliation_bankaccount", "sees_books"),
        _item(_("Bank lines"), "list_alt", "reconciliation_bankstatementline", "sees_books"),
        _item(_("Connectors"), "sync_alt", "reconciliation_connector", "sees_books"),
        _item(_("Sent to the accountant"), "outbox", "reconciliation_connectordocument", "sees_books"),
    ),
    _group(
        _("Ledger"),
        {
            **_item(_("Trial balance"), "balance", "admin:index", "sees_books"),
            "link": reverse_lazy("trial_balance"),
        },
        _item(_("Journal entries"), "menu_book", "ledger_journalentry", "sees_books"),
        _item(_("Accounts"), "account_tree", "ledger_account", "sees_books"),
        _item(_("Exports"), "ios_share", "reconciliation_export", "sees_books"),
        _item(_("Export schedules"), "schedule", "reconciliation_exportschedule", "sees_books"),
        _item(_("Accounts at the accountant"), "sync_alt", "reconciliation_accountmapping", "sees_books"),
    ),
    _group(
        _("Settings"),
        _item(_("Merchants"), "storefront", "payments_merchant", "oversees"),
        _item(_("Channels"), "store", "payments_channel", "oversees"),
        _item(_("Provider accounts"), "handshake", "payments_provideraccount", "oversees"),
        _item(_("Refund rules"), "gavel", "payments_refundrule", "oversees"),
        _item(_("Refund reasons"), "label", "payments_refundreason", "oversees"),
        _item(_("File mappings"), "table_view", "reconciliation_filemapping", "sees_books"),
        _item(_("Matching rules"), "rule", "reconciliation_matchingrule", "sees_books"),
        _item(_("API keys"), "key", "people_apikey", "manages_keys"),
        _item(_("Webhook endpoints"), "webhook", "notify_webhookendpoint", "manages_webhooks"),
        _item(_("People"), "person", "people_user", "manages_people"),
        _item(_("Audit log"), "history", "people_auditlog", "sees_audit_log"),
    ),
    _group(
        _("Technical"),
        _item(_("Failed work"), "report", "payments_workfailure", "sees_books"),
        _item(_("Provider events"), "inbox", "payments_providerevent", "sees_books"),
        _item(_("Numbers posted"), "format_list_numbered", "terminals_terminaltransaction", "oversees"),
        _item(_("Conflicts"), "difference", "terminals_sequenceconflict", "oversees"),
        _item(_("Events"), "bolt", "notify_event", "oversees"),
        _item(_("Webhook deliveries"), "outbox", "notify_webhookdelivery", "manages_webhooks"),
    ),
]

UNFOLD: Final[dict[str, Any]] = {
    "SITE_TITLE": "Onetill",
    "SITE_HEADER": "Onetill",
    "SITE_SUBHEADER": _("Online and in store, one ledger"),
    "SITE_SYMBOL": "point_of_sale",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "LANGUAGES": {"action": reverse_lazy("language"), "navigation": []},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("payments/icon.svg")}],
    "STYLES": [lambda request: static("payments/admin.css")],
    "SCRIPTS": [lambda request: static("payments/admin.js")],
    "ACCOUNT": {"navigation": [{"title": _("Your account"), "link": reverse_lazy("account")}]},
    "SIDEBAR": {
        "show_search": False,
        "command_search": False,
        "show_all_applications": False,
        "navigation": NAVIGATION,
    },
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
}
