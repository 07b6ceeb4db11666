"""Celery is the doorbell: each task makes one service call."""

from celery import shared_task

from terminals.services import deferred, forget
from terminals.services.counter import sign_ins


@shared_task(name="terminals.sweep_waiting")
def sweep_waiting() -> int:
    """Try again what waits for its original."""
    return deferred.sweep()


@shared_task(name="terminals.forget_requests")
def forget_requests() -> int:
    """Forget signed requests whose month is over, and who was signed in at a counter long ago."""
    return forget.forget() + sign_ins.forget()
