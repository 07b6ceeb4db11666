"""Tasks only make work sooner: each makes one service call; sweeps find what no task came for."""

from celery import shared_task

from terminals.services import deferred, forget
from terminals.services.actions import drive, refunds, sweep
from terminals.services.counter import sign_ins


@shared_task(name="terminals.sweep_waiting")
def sweep_waiting() -> int:
    """Try again what waits for its original."""
    return deferred.sweep()


@shared_task(name="terminals.forget_requests")
def forget_requests() -> int:
    """Forget signed requests whose month is over, and who was signed in at a counter long ago."""
    return forget.forget() + sign_ins.forget()


@shared_task(name="terminals.sweep_actions")
def sweep_actions() -> int:
    """Expire what no device fetched, ask about what was not answered, and offer refunds that wait for a terminal."""
    return sweep.sweep() + refunds.offer_refunds()


@shared_task(name="terminals.offer_refund")
def offer_refund(operation_id: str) -> bool:
    """Offer one refund to its terminal."""
    return refunds.offer_refund(operation_id)


@shared_task(name="terminals.drive")
def drive_terminal(terminal_id: str) -> int:
    """Have the maker of a terminal do what the terminal is asked for."""
    return drive.drive(terminal_id)


@shared_task(name="terminals.drive_all")
def drive_all() -> int:
    """Drive what no task was sent for."""
    return drive.drive_all()
