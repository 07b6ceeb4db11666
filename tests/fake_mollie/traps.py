"""What goes wrong at Mollie and nowhere else, each to be set by a test."""

from enum import StrEnum


class Trap(StrEnum):
    """One way in which Mollie surprises. Sources are its own documentation and issues of those who use it."""

    WEBHOOK_BEFORE_ANSWER = (
        "webhook_before_answer"  # the customer paid, and we are told, before our request is answered
    )
    KEY_FORGOTTEN = "key_forgotten"  # the idempotency key is gone early: the same request is a new one
    KEY_RUNNING = "key_running"  # 409: the first request under this key is still under way
    REFUND_UNAVAILABLE = "refund_unavailable"  # 503 on a refund: certain that it was not made
    REFUND_QUEUED = "refund_queued"  # waits for balance
    REFUND_SHORT = "refund_short"  # 422: the balance at PayPal or another does not cover it
    TERMINAL_BUSY = "terminal_busy"
    TERMINAL_UNREACHABLE = "terminal_unreachable"
    CANCEL_CROSSES_TAP = "cancel_crosses_tap"  # it was still cancelable, and the card was there first
    NOT_CANCELABLE = "not_cancelable"  # only the device can cancel
    RELEASE_IGNORED = "release_ignored"  # 202 to release-authorization, "not guaranteed": the hold stays
    METADATA_AS_TEXT = "metadata_as_text"  # metadata comes back as a text that holds JSON
    CAPTURE_PENDING = "capture_pending"  # a capture that is carried out later
