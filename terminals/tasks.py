"""Celery is the doorbell: each task makes one service call."""

from celery import shared_task

from terminals.services import deferred, forget


@shared_task(name="terminals.sweep_waiting")
def sweep_waiting() -> int:
    """Try again what waits for its original."""
    return deferred.sweep()


@shared_task(name="terminals.forget_requests")
def forget_requests() -> int:
    """Forget signed requests whose month is over."""
    return forget.forget()
