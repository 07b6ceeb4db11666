"""What goes wrong at Adyen and nowhere else, each to be set by a test."""

from enum import StrEnum


class Trap(StrEnum):
    """One way in which Adyen surprises. Sources are its own documentation and issues of those who use it."""

    WEBHOOK_BEFORE_ANSWER = "webhook_before_answer"  # the customer paid, and we are told, before we are answered
    KEY_FORGOTTEN = "key_forgotten"  # the idempotency key is gone early: the same request is a new one
    ALREADY_PROCESSED = "already_processed"  # 422 with 704: done, and said in the words of a refusal
    TRANSIENT = "transient"  # the header transient-error: the same key may be tried again
    ERROR_AND_AUTHORISED = "error_and_authorised"  # resultCode Error, and AUTHORISATION true afterwards
    CAPTURE_REFUSED = "capture_refused"  # received, and CAPTURE false
    REFUND_REFUSED = "refund_refused"  # received, and REFUND false
    CANCEL_REFUSED = "cancel_refused"  # received, and CANCELLATION false
    ORIGINAL_REFERENCE = "original_reference"  # what was done to a payment bears the payment's reference, not its own
    TERMINAL_OFFLINE = "terminal_offline"
    TERMINAL_BUSY = "terminal_busy"
    POWER_LOST = "power_lost"  # in the middle of a payment: nothing charged, no answer, and it remembers nothing of it
    ABORT_CROSSES_TAP = "abort_crosses_tap"  # the card was there first
    ABORT_IGNORED = "abort_ignored"  # "ok", and it goes on
    PLAIN_ANSWER = "plain_answer"  # of a terminal that encrypts: a forgery
