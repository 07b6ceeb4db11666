"""What the workers do for the ledger: fold, every few seconds."""

from celery import shared_task

from payments.ledger import fold as folding


@shared_task(name="payments.ledger.fold")
def fold() -> None:
    """Fold what may be folded. Beside another fold it does nothing."""
    folding.fold_all()
