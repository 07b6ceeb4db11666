"""The named places at which a process may break, so that tests can break it at each of them.

In production nobody listens, and a point costs one look at a name. Nothing in the environment or the settings arms
them: only `fail_points_enabled` does, and only tests call that. So no installation can be started with a plan to
crash, whether its merchant is live or not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

# What has happened by then. `opened` and `locked`: a transaction is open. `written`: all of it, and not committed.
POINTS: Final[dict[str, str]] = {
    "create.opened": "Nothing of the payment is written.",
    "create.written": "Order, payment, operation and idempotency key are written, not committed.",
    "create.committed": "The operation is committed; no provider is called yet, or none has to be.",
    "request.opened": "Nothing of the capture or cancellation is written.",
    "request.written": "The operation and its idempotency key are written, not committed.",
    "request.committed": "The operation is committed; the provider is not called yet.",
    "refund.opened": "Nothing of the refund is written.",
    "refund.written": "Refund, parts, operations and acceptance are written, not committed.",
    "refund.committed": "The refund is committed; its task is enqueued, or that failed.",
    "flush.rows": "The rows of a unit of work and its events are written; nothing is booked.",
    "flush.booked": "Its entries are posted; discrepancies are not written.",
    "enqueue.started": "The rows are committed; the broker does not have the task yet.",
    "enqueue.sent": "The broker has the task's message.",
    "submit.claiming": "The operation is committed; nobody has it.",
    "submit.claimed": "The lease is committed; the call is not made.",
    "submit.calling": "The call is just being made.",
    "submit.answered": "The provider has answered; nothing of it is written.",
    "record.opened": "An answer or a report is in hand; its orders are not locked.",
    "record.written": "The outcome and all that follows is written, not committed.",
    "record.committed": "The outcome is committed (with an event: when the event is); the caller has no answer yet.",
    "device.opened": "A device's signed request is in hand, its terminal locked; nothing of it is written.",
    "device.written": "What it reports and the answer to its webhook-id are written, not committed.",
    "device.committed": "They are committed; the device has no answer yet.",
    "action.opened": "Nothing of what a terminal is asked for is written.",
    "action.written": "The payment, its operation and the action are written, not committed.",
    "action.committed": "They are committed; the device has not been woken, the caller has no answer yet.",
    "retourpin.opened": "Nothing of what a terminal is to give back is written.",
    "retourpin.written": "The refund, its operation and the action are written, not committed.",
    "retourpin.committed": "They are committed; the device has not been woken, the caller has no answer yet.",
    "action.sweeping": "The sweep is about to take up an action that is due; nothing is locked.",
    "action.swept": "What follows from silence is written, not committed.",
    "drive.taken": "What a terminal is to do is taken and committed; its maker is not asked.",
    "drive.answered": "The maker has answered; nothing of it is written.",
    "drive.polling": "It is noted that the maker is being asked what came of it; it is not asked yet.",
    "drive.polled": "The maker has said how far it is; nothing of it is written.",
    "drive.recorded": "What it answered is committed.",
    "receive.verified": "A webhook's signature is right; nothing is stored.",
    "receive.stored": "The event is stored; no task is enqueued, and the provider has no answer.",
    "apply.opened": "No row of the event is locked.",
    "apply.recorded": "What the event reports is recorded; the event does not say so yet.",
    "apply.written": "The event says so too; not committed.",
    "apply.committed": "The event is applied; one that is only a hint is still due.",
    "hint.asking": "A hint is known to be one; the provider is about to be asked, and no row is locked.",
    "hint.answered": "What the hint asked for is in hand; nothing of it is written.",
    "hint.written": "It is recorded, and the event says so; not committed.",
    "hint.committed": "The hint is followed.",
    "recover.opened": "The sweep has claimed nothing.",
    "recover.written": "The leases of due operations are written, not committed.",
    "recover.committed": "The leases are committed; no provider is called.",
    "recover.asking": "The provider is about to be asked for an operation's outcome.",
    "recover.answered": "It has answered; nothing of it is written.",
    "expire.opened": "A payment's time is over; nothing is written.",
    "expire.written": "It is expired, not committed.",
    "expire.committed": "It is expired.",
    "fold.opened": "The fold has its lock and has read nothing.",
    "fold.writing": "One more of checkpoints, open items and the cursor is written.",
    "fold.written": "All three are written, not committed.",
    "fold.committed": "The postings are folded.",
    "statistics.opened": "The fold of statistics has its lock and has moved nothing.",
    "statistics.written": "Changes are moved into totals, not committed.",
    "statistics.committed": "The changes are folded.",
    "deliver.leased": "This process holds the deliverer's lease.",
    "deliver.claimed": "Deliveries are leased; none is sent.",
    "deliver.sending": "The receiver is just being called.",
    "deliver.sent": "The receiver has answered, or not; nothing of it is written.",
    "deliver.opened": "Answers are in hand; no delivery is locked.",
    "deliver.written": "What came of the attempts is written, not committed.",
    "deliver.recorded": "It is committed; the endpoints are not judged.",
    "upload.kept": "The file is on the disk; no row names it.",
    "upload.opened": "The file's row is not written.",
    "upload.written": "The row and its idempotency key are written, not committed.",
    "mask.kept": "The masked file is on the disk; the row names the one that came in.",
    "mask.written": "The row names the masked file; the one that came in is there still.",
    "upload.committed": "The row is committed; no task is enqueued.",
    "import.locked": "The merchant's turn is ours.",
    "import.begun": "The attempt is counted; nothing is read.",
    "import.reading": "The file is open and its head is read.",
    "import.copying": "Lines are on their way into the temporary tables.",
    "import.staged": "All lines are there; nothing is matched.",
    "import.matched": "Every line is matched; nothing is booked.",
    "import.opened": "Nothing of the booking is written.",
    "import.booked": "Everything is booked and the file says so; not committed.",
    "import.committed": "The file is imported.",
    "close.locked": "The days are locked; nothing is checked.",
    "close.days": "The ledger's days are closed; the log of closings does not say so.",
    "close.written": "All of the closing is written, not committed.",
    "close.committed": "The day is closed; the caller has no answer yet.",
    "finish.opened": "The file's end is known, and not written.",
    "finish.written": "It is written, not committed.",
    "finish.committed": "It is committed (where the file was booked: with the booking).",
}

Strike = Callable[[str], None]
_strike: Strike | None = None


def fail_point(point: str) -> None:
    """Mark that this point is reached; the handler of `fail_points_enabled`, if any, decides what happens."""
    if _strike is not None:
        _strike(point)


@contextmanager
def fail_points_enabled(strike: Strike) -> Iterator[None]:
    """Have `strike` called with the name of every point that this process reaches meanwhile."""
    global _strike
    _strike = strike
    try:
        yield
    finally:
        _strike = None
