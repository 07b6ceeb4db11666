"""In what ways Pay.nl alone surprises; each may be set for a while."""

from enum import StrEnum


class Trap(StrEnum):
    """What goes wrong, or otherwise than anybody would expect."""

    EXCHANGE_BEFORE_ANSWER = "exchange_before_answer"  # the exchange comes before the create call is answered
    ABORT_CROSSES_TAP = "abort_crosses_tap"  # the card was read when the abort came in
    TERMINAL_BUSY = "terminal_busy"  # PAY-9206
    TERMINAL_OFFLINE = "terminal_offline"
    REFUND_TOO_FAST = "refund_too_fast"  # as within 6 seconds, whatever the clock says
    ORDER_GONE = "order_gone"  # 410
    OTHER_AMOUNT = "other_amount"  # -51: another amount arrives
    NO_PERMISSION = "no_permission"  # clearing data, without asking Pay for it
    NO_REFUND_NAME = "no_refund_name"  # the answer to a refund names none
