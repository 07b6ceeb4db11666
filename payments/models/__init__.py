"""What payments remembers, one subject a file."""

from payments.models.card_evidence import CardEvidence
from payments.models.chargeback import Chargeback, ChargebackStep
from payments.models.discrepancy import Discrepancy
from payments.models.idempotency import IdempotencyKey
from payments.models.link import LinkPayment, PaymentLink
from payments.models.merchant import Channel, Merchant, ProviderAccount
from payments.models.operation import Operation
from payments.models.order import Order
from payments.models.payment import Payment
from payments.models.provider_event import ProviderEvent
from payments.models.receipt_due import ReceiptDue
from payments.models.refund import BankTransfer, Refund, RefundPart
from payments.models.refund_rule import RefundReason, RefundRule
from payments.models.statistic import StatisticDelta, StatisticTotal
from payments.models.till import Till, TillMovement
from payments.models.transfer_batch import TransferBatch
from payments.models.transition import Transition
from payments.models.voucher import Voucher
from payments.models.work_failure import WorkFailure

__all__ = [
    "BankTransfer",
    "CardEvidence",
    "Channel",
    "Chargeback",
    "ChargebackStep",
    "Discrepancy",
    "IdempotencyKey",
    "LinkPayment",
    "Merchant",
    "Operation",
    "Order",
    "Payment",
    "PaymentLink",
    "ProviderAccount",
    "ProviderEvent",
    "ReceiptDue",
    "Refund",
    "RefundPart",
    "RefundReason",
    "RefundRule",
    "StatisticDelta",
    "StatisticTotal",
    "Till",
    "TillMovement",
    "TransferBatch",
    "Transition",
    "Voucher",
    "WorkFailure",
]
