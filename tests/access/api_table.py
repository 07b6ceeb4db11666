"""Who gets what at every address of the API: one declared row each, from which `test_api_matrix` makes all cases.

A new address is one line here; one that has no line fails the test.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reach(StrEnum):
    """What a key that is tied to a channel gets here."""

    MERCHANT = "merchant"  # the same as any key: orders and payments are read and refunded at any counter
    SPEAKS = "speaks"  # seen like that, and changed by its own channel alone
    CHANNEL = "channel"  # its own channel's; another's is not there
    WHOLE = "whole"  # nothing: it is about the merchant as a whole


# What stands in addresses and is nobody's.
CALENDAR: Final = {"day": "2026-01-02", "month": "2026-01"}


@dataclass(frozen=True)
class Row:
    """An address with its method. `{name}` in it is the thing it is about, by its name in `things`."""

    method: str
    path: str
    scope: str
    reach: Reach = Reach.MERCHANT

    @property
    def about_one(self) -> bool:
        return bool(set(re.findall(r"{(\w+)}", self.path)) - CALENDAR.keys())


def rows(scope: str, reach: Reach, *addresses: str) -> list[Row]:
    """`GET /v1/…` each, with one scope and reach."""
    return [Row(method, path, scope, reach) for method, _, path in (address.partition(" ") for address in addresses)]


M, S, C, W = Reach.MERCHANT, Reach.SPEAKS, Reach.CHANNEL, Reach.WHOLE
TABLE: Final = [
    *rows("", M, "GET /v1"),
    *rows(
        "payments:read", M, "GET /v1/payments", "GET /v1/payments/{payment}", "GET /v1/orders", "GET /v1/orders/{order}"
    ),
    *rows("payments:read", M, "GET /v1/statistics", "GET /v1/methods", "GET /v1/merchant"),
    *rows("payments:read", C, "GET /v1/payment_links", "GET /v1/payment_links/{link}"),
    *rows("payments:read", C, "GET /v1/events", "GET /v1/events/{event}"),
    *rows("payments:read", C, "GET /v1/chargebacks", "GET /v1/chargebacks/{chargeback}"),
    *rows("payments:read", C, "GET /v1/channels", "GET /v1/channels/{channel}"),
    *rows(
        "payments:write", M, "POST /v1/payments", "POST /v1/payments/{payment}/send_receipt", "POST /v1/payment_links"
    ),
    *rows("payments:write", S, "POST /v1/payments/{payment}/capture", "POST /v1/payments/{payment}/cancel"),
    *rows("payments:write", C, "POST /v1/payment_links/{link}/cancel", "POST /v1/payment_links/{link}/send"),
    *rows("refunds:read", M, "POST /v1/refunds/plan"),
    *rows("refunds:read", C, "GET /v1/refunds", "GET /v1/refunds/{refund}"),
    *rows("refunds:write", M, "POST /v1/refunds"),
    *rows("refunds:write", C, "POST /v1/refunds/{refund}/cancel", "POST /v1/refunds/{refund}/send_receipt"),
    *rows("customers:read", M, "GET /v1/customers/{reference}"),
    *rows("customers:write", W, "DELETE /v1/customers/{reference}"),
    *rows("vouchers:read", M, "GET /v1/vouchers/{code}"),
    *rows("vouchers:write", M, "POST /v1/vouchers"),
    *rows("terminals:read", C, "GET /v1/terminals/exposure"),
    *rows("terminals:read", C, "GET /v1/terminals/shifts", "GET /v1/terminals/shifts/{shift}"),
    *rows("vouchers:write", C, "POST /v1/vouchers/{voucher}/cancel"),
    *rows("terminals:read", C, "GET /v1/terminals", "GET /v1/terminals/{terminal}"),
    *rows("terminals:read", C, "GET /v1/terminals/{terminal}/actions", "GET /v1/terminals/{terminal}/actions/{action}"),
    *rows("terminals:write", C, "POST /v1/terminals/{terminal}/actions"),
    *rows("terminals:write", M, "POST /v1/terminals"),
    *rows("terminals:write", C, "POST /v1/terminals/{terminal}/unpair", "POST /v1/terminals/{terminal}/revoke"),
    *rows("webhooks:read", C, "GET /v1/webhook_endpoints", "GET /v1/webhook_endpoints/{endpoint}"),
    *rows("webhooks:read", C, "GET /v1/webhook_endpoints/{endpoint}/deliveries"),
    *rows("webhooks:write", M, "POST /v1/webhook_endpoints"),
    *rows("webhooks:write", C, "PATCH /v1/webhook_endpoints/{endpoint}", "DELETE /v1/webhook_endpoints/{endpoint}"),
    *rows(
        "webhooks:write",
        C,
        "POST /v1/webhook_endpoints/{endpoint}/roll_secret",
        "POST /v1/deliveries/{delivery}/resend",
    ),
    *rows("accounts:read", W, "GET /v1/provider_accounts", "GET /v1/provider_accounts/{provider_account}"),
    *rows("accounts:read", M, "GET /v1/providers"),
    *rows("accounts:write", W, "POST /v1/provider_accounts", "PATCH /v1/provider_accounts/{provider_account}"),
    *rows("accounts:write", W, "POST /v1/channels", "PATCH /v1/channels/{channel}", "PATCH /v1/merchant"),
    *rows("ledger:read", W, "GET /v1/ledger/accounts", "GET /v1/ledger/accounts/{account}/postings"),
    *rows("ledger:read", W, "GET /v1/ledger/entries", "GET /v1/ledger/entries/{entry}"),
    *rows("ledger:read", W, "GET /v1/ledger/trial_balance", "GET /v1/ledger/open_items"),
    *rows("reconciliation:read", C, "GET /v1/settlement_files", "GET /v1/settlement_files/{file}"),
    *rows("reconciliation:write", M, "POST /v1/settlement_files"),
    *rows("reconciliation:read", W, "GET /v1/file_mappings", "GET /v1/file_mappings/{mapping}"),
    *rows("reconciliation:write", W, "POST /v1/file_mappings", "PATCH /v1/file_mappings/{mapping}"),
    *rows("reconciliation:write", W, "DELETE /v1/file_mappings/{mapping}", "POST /v1/file_mappings/{mapping}/preview"),
    *rows("reconciliation:read", W, "GET /v1/provider_accounts/{provider_account}/matching_rules"),
    *rows("reconciliation:read", W, "POST /v1/provider_accounts/{provider_account}/matching_rules/preview"),
    *rows(
        "accounts:write",
        W,
        "PATCH /v1/provider_accounts/{provider_account}/matching_rules",
        "DELETE /v1/provider_accounts/{provider_account}/matching_rules",
    ),
    *rows("reconciliation:read", W, "GET /v1/bank_accounts", "GET /v1/bank_accounts/{bank_account}"),
    *rows("reconciliation:write", W, "POST /v1/bank_accounts", "PATCH /v1/bank_accounts/{bank_account}"),
    *rows("reconciliation:read", W, "GET /v1/connectors", "GET /v1/connectors/{connector}"),
    *rows("reconciliation:read", W, "GET /v1/connectors/{connector}/entries"),
    *rows("reconciliation:write", W, "POST /v1/connectors", "PATCH /v1/connectors/{connector}"),
    *rows("reconciliation:write", W, "POST /v1/connectors/{connector}/send", "DELETE /v1/connectors/{connector}"),
    *rows("reconciliation:read", W, "GET /v1/exports", "GET /v1/exports/{export}", "GET /v1/exports/{export}/file"),
    *rows("reconciliation:write", W, "POST /v1/exports"),
    *rows("reconciliation:read", W, "GET /v1/payouts", "GET /v1/payouts/{payout}"),
    *rows("reconciliation:read", W, "GET /v1/settlements", "GET /v1/settlements/{settlement}"),
    *rows("reconciliation:read", W, "GET /v1/settlements/{settlement}/lines"),
    *rows("reconciliation:read", W, "GET /v1/discrepancies", "GET /v1/discrepancies/{discrepancy}"),
    *rows("reconciliation:write", W, "POST /v1/discrepancies/{discrepancy}/resolve"),
    *rows("reconciliation:write", W, "POST /v1/discrepancies/{discrepancy}/undo"),
    *rows("reconciliation:read", W, "GET /v1/forecast", "GET /v1/fees"),
    *rows("reconciliation:read", W, "GET /v1/days/{day}/close", "GET /v1/months/{month}/close"),
    *rows("reconciliation:write", W, "POST /v1/days/{day}/close", "POST /v1/months/{month}/close"),
    *rows("reconciliation:write", W, "POST /v1/days/{day}/reopen", "POST /v1/months/{month}/reopen"),
]
# Addresses without a key: of the documentation, of devices (which sign), of providers (whose secret signs).
KEYLESS: Final = {
    *("v1/openapi.json", "v1/docs", "v1/events/stream", "v1/errors", "v1/errors/(code)", "v1/terminals/pair"),
    *(f"v1/terminal/tills/{kind}" for kind in ("count", "paid_in", "paid_out", "deposit")),
    "counter/answers/(token)",
    *("counter/", "counter/pair", "counter/sign-in", "counter/sign-out", "counter/language", "counter/link"),
    *("counter/first-code", "counter/passkey", "counter/passkey/ask"),
    *("counter/passkeys", "counter/passkeys/ask", "counter/passkeys/remove"),
    *(
        "counter/orders/(order_id)",
        "counter/orders/(order_id)/refund",
        "counter/orders/(order_id)/exchange",
        "counter/orders/(order_id)/link",
    ),
    *("counter/refunds/(refund_id)", "counter/receipts/(object_id)"),
    *("counter/links/(link_id)", "counter/links/(link_id)/cancel"),
    *("counter/pay", "counter/orders/(order_id)/pay", "counter/actions/(action_id)"),
    *("counter/actions/(action_id)/abort", "counter/actions/(action_id)/ask", "counter/actions/(action_id)/again"),
    *("counter/receipts/(object_id)/mail", "counter/receipts/(object_id)/pdf"),
    "v1/terminal/shifts",
    *("v1/terminal/transactions", "v1/terminal/heartbeat", "v1/terminal/actions"),
    *("v1/terminal/actions/(action_id)/ack", "v1/terminal/actions/(action_id)/result"),
    "providers/(provider)/(account_id)/webhooks",
    *("health/live", "health/ready", "metrics", "pay/(token)", "pay/(token)/qr", "pay/(token)/qr.svg"),
    "pay/(token)/qr.png",
}
