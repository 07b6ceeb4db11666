"""Tasks only make work sooner: each carries an id and makes one service call; sweeps find what no task came for."""

from celery import shared_task

from payments import statistics
from payments.admin.lists import files as list_files
from payments.people.services import one_time_links, sign_ins
from payments.services import forget_accounts, idempotency, receive, recover, send_receipt, voucher
from payments.services import submit as submitting
from payments.services.queue_receipts import WRITE


@shared_task(name="payments.submit")
def submit(operation_id: str) -> None:
    """Ask the provider for an operation that a request left to the workers."""
    submitting.submit(operation_id, actor="system:worker")


@shared_task(name="payments.apply_event")
def apply_event(event_id: str) -> None:
    """Apply one provider event."""
    receive.apply_event(event_id)


@shared_task(name="payments.recover")
def recover_due() -> int:
    """Take up whatever is due (beat: every second)."""
    return recover.recover()


@shared_task(name="payments.fold_statistics")
def fold_statistics() -> None:
    """Fold what was sold since the last time (beat: every two seconds)."""
    statistics.fold()


@shared_task(name="payments.expire_vouchers")
def expire_vouchers() -> None:
    """Book what nobody came for (beat: every minute)."""
    voucher.expire()


@shared_task(name=WRITE)
def write_receipts() -> int:
    """Write the receipts that are due (beat: every ten seconds, for what no task came for)."""
    return send_receipt.write_due()


@shared_task(name=list_files.WRITE)
def write_list_file(file_id: str) -> None:
    """Write the rows of a list that are too many to wait for."""
    list_files.write_file(file_id)


@shared_task(name="payments.write_list_files")
def write_list_files() -> int:
    """Write the files that are due (beat: every five seconds, for what no task came for)."""
    return list_files.write_due()


@shared_task(name="payments.forget_list_files")
def forget_list_files() -> int:
    """Delete files of lists that have outlived their use (beat: every hour)."""
    return list_files.forget_files()


@shared_task(name="payments.forget_sign_ins")
def forget_sign_ins() -> None:
    """Delete sign-ins, links and sessions that have outlived their use (beat: every hour)."""
    sign_ins.forget()
    one_time_links.forget()


@shared_task(name="payments.forget_accounts")
def forget_bank_accounts() -> None:
    """Empty customers' bank accounts that have outlived their use (beat: every hour)."""
    forget_accounts.forget()


@shared_task(name="payments.forget_keys")
def forget_keys() -> None:
    """Delete idempotency keys that have outlived their month (beat: every hour)."""
    idempotency.forget()
