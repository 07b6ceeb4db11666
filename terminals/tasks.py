"""Celery is the doorbell: each task makes one service call."""

from celery import shared_task

from terminals.services import forget, waiting


@shared_task(name="terminals.sweep_waiting")
def sweep_waiting() -> int:
    """Try again what waits for its original."""
    return waiting.sweep()


@shared_task(name="terminals.forget_requests")
def forget_requests() -> int:
    """Forget signed requests whose month is over."""
    return forget.forget()
