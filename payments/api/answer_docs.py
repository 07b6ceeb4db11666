"""What the OpenAPI document says of the members of answers, where their name does not say it.

Beside the shapes in `payments.api.schemas`, so that a shape is read at a glance; a test holds the names together.
"""

from collections.abc import Mapping
from typing import Final

# Of any answer that has such a member and says nothing else of it.
EVERYWHERE: Final[Mapping[str, str]] = {
    "id": "Id, which tells the kind by what it begins with, and sorts by time.",
    "object": "Kind of the object.",
    "created_at": "When it was recorded here, in UTC.",
    "test_mode": "True where the merchant is a test merchant: no money moves.",
    "currency": "ISO 4217 code of the amounts.",
    "metadata": "Your own labels, as you sent them.",
    "order": "The order it is about.",
    "channel": "The webshop or store it is about.",
    "customer": "Id of the customer, where one is known.",
    "occurred_at": "When it happened, in UTC; not when we heard of it.",
    "business_day": "Day that it counts for, in the merchant's time zone.",
    "booked_at": "When it was written into the books, in UTC.",
    "book_date": "Day of the books to which it belongs.",
    "expires_at": "When it ends by itself, in UTC; null where it does not.",
    "namespace": "Namespace of the order's reference: the numbering of one channel, or of several that share it.",
    "reference": "Your own number of it.",
    "provider_account": "The contract with a provider by which the money moves.",
    "payment": "Id of the payment it is about.",
    "refund": "Id of the refund it is about.",
    "terminal": "The card terminal it is about.",
    "operator": "Person at the counter, as you named them.",
    "description": "What it is for.",
    "operation": "Id of the request to the provider by which it was done.",
    "provider_reference": "The provider's own id of it.",
    "failure": "Why it failed: a stable `code` and what to do.",
    "approvals": "Second persons who were asked, and what they decided.",
    "balance": "What is left, in minor units.",
    "problems": "What stands in the way, line by line.",
    "active": "False where it is out of use.",
}
# Of one schema, by its name in the document.
OF: Final[Mapping[str, Mapping[str, str]]] = {
    "Problem": {
        "type": "Address on this server that explains the code.",
        "title": "What kind of refusal it is.",
        "status": "The HTTP status.",
        "detail": "What to do about it.",
        "code": "Stable name of the refusal; `GET /v1/errors` lists them all.",
        "param": "Place in the request, as `card.last4` or `transactions[3].amount`; null where it is the whole.",
        "request_id": "Id of the request, as in the header `Request-Id`.",
        "errors": "Every fault of a request that is not valid, each with its place.",
    },
    "Root": {
        "version": "Version of the API.",
        "merchant": "Id of the merchant whose key it is.",
        "channel": "Channel that the key is tied to; null where it may act for all.",
        "scopes": "What the key may do.",
        "stream_url": "Where the event stream and long polls are: another port than this.",
    },
    "Customer": {
        "same_card": "What others, or nobody known, paid by a card of this customer; nothing is merged. Empty unless "
        "the merchant has `tie_cards` on.",
    },
    "Merchant": {
        "tie_cards": "Whether payments by one card are shown beside one another.",
    },
    "Card": {
        "brand": "Card scheme, as `visa`.",
        "last4": "Last four digits.",
        "fingerprint": "Equal for equal cards of this merchant.",
        "entry_mode": "How the card was read at a terminal.",
        "verification": "How the cardholder was verified.",
    },
    "Payment": {
        "status": (
            "`requires_action`: the customer has to act at `next_action.url`; `processing`: the provider is at work; "
            "`authorized`: reserved, to be captured; `captured`: the money was taken, of this one tender (the order is "
            "paid when its `due` is 0); `declined`, `canceled`, `expired`: nothing was taken; `reversed`: taken and "
            "undone; `unknown`: the provider has not told the outcome, so charge nothing else. More may come: treat "
            "those as pending."
        ),
        "amount": "What was asked for, in minor units.",
        "tip": "Part of the amount that is a tip, in minor units.",
        "cashback": "Part of the amount that was handed out in cash, in minor units.",
        "amount_authorized": "Most that was ever authorized; it never falls.",
        "amount_capturable": "What may still be captured; 0 once a final capture or cancellation released the rest.",
        "amount_captured": "What was taken, in minor units.",
        "amount_refunded": "What has been given back; a refund on its way is not in it.",
        "amount_charged_back": "What the cardholder's bank has taken back.",
        "amount_refundable": "What a refund may still give back; it falls as soon as a refund is accepted.",
        "method": "How it is paid; null while the customer has not chosen.",
        "card": "The card, where it was paid by one.",
        "next_action": "Where the customer has to go; null where nothing is left for them to do.",
        "failure": "Why it was declined: a stable `code`, and the provider's words.",
        "origin": "`online`, `in_store` or `remote`.",
        "receipt_number": "Number on the receipt, by which any counter finds the order.",
        "provisional": "True where a terminal approved offline and the acquirer has not confirmed it yet.",
        "change": "Cash given back to the customer, in minor units; null for other methods.",
        "expires_at": "When a payment that waits for its customer ends by itself; null for one that does not.",
        "vat": "VAT by rate, as you sent it.",
        "operations": "Requests to the provider, with `expand=operations`.",
        "refunds": "Refunds of this payment, with `expand=refunds`.",
        "evidence": "What the terminal posted, with `expand=evidence`.",
        "journal_entries": "Entries booked about this payment, with `expand=journal_entries`.",
    },
    "Operation": {
        "verb": "What the provider was asked to do.",
        "outcome": "What became of it; null before it was asked. `not_sent` was never sent, `unknown` has no answer.",
        "amount": "In minor units.",
        "actor": "Who asked for it: a key, a person or a terminal.",
        "completed_at": "When its outcome was final; null until then.",
    },
    "Order": {
        "total": "What the whole order costs; null where nobody has said it.",
        "invoice_reference": "Number of the invoice that it pays, as you sent it.",
        "paid": "Captured over all channels and tenders, in minor units.",
        "refunded": "Given back, in minor units.",
        "charged_back": "Taken back by cardholders' banks, in minor units.",
        "refundable": "What a refund may still give back.",
        "due": "Still to be paid: 0 means that the order is paid. Refunds do not raise it; null without a total.",
        "payments": "All its payments, oldest first.",
        "refunds": "All its refunds, oldest first.",
        "chargebacks": "All its chargebacks, oldest first.",
        "outcome_unknown": "A payment whose outcome is unknown and that holds back new charges; else null.",
        "timeline": "What happened to it in any channel, oldest first.",
    },
    "Refund": {
        "amount": "What was accepted to be given back, in minor units.",
        "amount_succeeded": "What has been given back: only this counts. Below `amount` where a part was canceled.",
        "status": (
            "`requires_approval`: waits for a second person; `pending`: some part is on its way; `succeeded`: every "
            "part that was not canceled has been given back, see `amount_succeeded`; `failed`; `canceled`. Succeeded "
            "may later become failed, when a bank sends the money back."
        ),
        "reason": "Why, as it was sent.",
        "channel": "Where the goods came back.",
        "requested_by": "Who asked for it: a key or a person.",
        "parts": "One for each payment and route by which money goes back.",
        "exchange_for": "Id of the order that was bought in exchange.",
    },
    "RefundPlan": {
        "amount": "What would be given back, in minor units.",
        "amount_refundable": "Most that may be given back now.",
        "parts": "How it would go: one for each payment and route.",
    },
    "Voucher": {
        "code": "What the holder shows to spend it; in the first answer to its maker, and to who asks by it.",
        "amount": "What it was worth at first, in minor units.",
        "status": "`active` can be spent; `spent`, `expired` and `canceled` cannot.",
        "purpose": "For VAT: `multi` is taxed when it is spent, `single` when it is sold.",
    },
    "PaymentLink": {
        "url": "Page at which the customer pays.",
        "qr_svg_url": "The same address as a QR code to show, SVG.",
        "qr_png_url": "The same address as a QR code to print, PNG.",
        "status": "`active` takes payments; `paid`, `expired` and `canceled` do not.",
        "amount": "What is to be paid; null where the order or the customer says it.",
        "amount_min": "Least that the customer may choose.",
        "amount_max": "Most that the customer may choose.",
        "methods": "Methods that are offered; null for all of the channel.",
        "reusable": "True where it takes many payments.",
        "payments": "Ids of the payments that were made by it.",
    },
    "Chargeback": {
        "amount": "What the cardholder's bank takes back, in minor units.",
        "stage": "How far the dispute is.",
        "status": "What became of it so far.",
        "reason": "The scheme's reason.",
        "opened_at": "When it was opened, in UTC.",
        "closed_at": "When it was decided, in UTC.",
        "respond_by": "Last moment to answer with evidence.",
        "history": "Its stages, oldest first.",
    },
    "Event": {
        "type": "What happened; `webhooks` in this document lists every type.",
        "api_version": "Version of the shape of `data`.",
        "data": "The object as it was right after the change.",
    },
    "WebhookEndpoint": {
        "url": "Address that events are sent to.",
        "events": "Types that are sent, or `*`.",
        "description": "Your staff's note.",
        "status": "`enabled`, or `disabled`: nothing is sent; an answer of 410 disables it, too.",
        "channel": "Channel whose events alone are sent; null for all.",
    },
    "NewWebhookEndpoint": {
        "secret": "Key of the signatures, `whsec_…`; shown in the first answer only.",
        "url": "Address that events are sent to.",
        "events": "Types that are sent, or `*`.",
        "status": "`enabled` or `disabled`.",
        "channel": "Channel whose events alone are sent; null for all.",
    },
    "WebhookDelivery": {
        "event": "Id of the event, which is the `webhook-id` of every attempt.",
        "type": "Type of the event.",
        "endpoint": "Id of the endpoint.",
        "status": "`pending` until it is taken or given up.",
        "attempts": "How often it was sent.",
        "next_attempt_at": "When it is sent again; null when it is not.",
        "response_status": "HTTP status of the last answer; null where there was none.",
        "failure": "Why the last attempt failed.",
    },
    "Statistics": {
        "from": "First business day of the figures, inclusive.",
        "to": "Last business day of the figures, inclusive.",
        "rows": "One for each group and currency.",
    },
    "Channel": {
        "name": "Name of the shop.",
        "kind": "`online`, `in_store` or `remote`.",
        "orders": "Namespace of its order references.",
        "numeric_references": "True where orders are numbered with digits alone.",
        "return_schemes": "Schemes of apps that a `return_url` may begin with.",
        "refund_routes": "Routes by which it may give money back.",
        "active": "False where it takes no new payments.",
    },
}
