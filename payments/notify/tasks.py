"""The Celery tasks of deliveries and e-mail: enqueued on commit, and swept for what was not enqueued."""

from celery import shared_task

from payments import mail
from payments.notify.services import deliver as delivering
from payments.notify.services.emit import DELIVER


@shared_task(name=DELIVER)
def deliver() -> int:
    """Send what is due (beat: every two seconds, for retries and for what a broken broker lost)."""
    return delivering.deliver()


@shared_task(name="payments.notify.clear_stranded")
def clear_stranded() -> int:
    """Clear deliveries to endpoints that are deleted or disabled (beat: every minute)."""
    return delivering.clear_stranded()


@shared_task(name=mail.SEND)
def send_mail() -> int:
    """Send letters (beat: every ten seconds, for retries and for what a broken broker lost)."""
    return mail.send_due()


@shared_task(name="payments.notify.forget_mail")
def forget_mail() -> int:
    """Delete letters that have outlived their retention (beat: every hour)."""
    return mail.forget()
