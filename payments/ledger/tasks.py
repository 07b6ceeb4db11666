"""What the workers do for the ledger: fold, every few seconds, and note in the chain what proves something."""

from celery import shared_task

from payments.ledger import chain
from payments.ledger import fold as folding


@shared_task(name="payments.ledger.fold")
def fold() -> None:
    """Fold what may be folded. Beside another fold it does nothing."""
    folding.fold_all()


@shared_task(name="payments.ledger.extend_chain")
def extend_chain() -> int:
    """Note what has become old enough (beat: every minute)."""
    return chain.extend()
