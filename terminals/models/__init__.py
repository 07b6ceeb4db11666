"""What terminals remember, one subject a file."""

from terminals.models.action import ActionStatus, ActionType, TerminalAction
from terminals.models.counter import CounterBrowser, CounterSignIn, StaffCode
from terminals.models.request import SignedRequest
from terminals.models.shift import Shift, ShiftConflict
from terminals.models.terminal import Terminal
from terminals.models.transaction import SequenceConflict, TerminalTransaction

__all__ = [
    "ActionStatus",
    "ActionType",
    "CounterBrowser",
    "CounterSignIn",
    "SequenceConflict",
    "Shift",
    "ShiftConflict",
    "SignedRequest",
    "StaffCode",
    "Terminal",
    "TerminalAction",
    "TerminalTransaction",
]
