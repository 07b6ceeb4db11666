"""What failed goes on by the next route that needs nobody: a bank transfer to an account that is known.

A person still releases the transfer. A terminal needs the customer, and store credit is never chosen silently, so that
all else waits in the list of refunds that failed, with the reason.
"""

from payments.core.errors import Forbidden
from payments.models import Operation, RefundPart
from payments.models.payment import Method
from payments.models.refund import PartStatus, Route
from payments.services.default_account import default_account
from payments.services.refunds import rules, transitions
from payments.services.refunds.known_account import known_account
from payments.services.refunds.plan import BankAccount, next_business_day
from payments.services.refunds.routes import Circumstances, Reason, obstacle
from payments.services.refunds.rules import Giving
from payments.services.unit_of_work import UnitOfWork


def take_next_route(uow: UnitOfWork, part: RefundPart, operation: Operation) -> None:
    """Have the debt of a part that its provider did not pay taken over by a transfer, where account and rules allow it.

    Where they do not, the part's reasons say why, and it waits for a person.
    """
    refund, payment = part.refund, part.payment
    if payment is None or refund.reported or operation.executor != Operation.Executor.PROVIDER:
        return
    parts = [each for each in uow.parts.values() if each.refund.order_id == refund.order_id]
    account = known_account(parts, [row for row in uow.payments.values() if row.order_id == refund.order_id])
    if account is None:
        return
    found = _obstacle(uow, part, account)
    if found is not None:
        uow.change(part, reasons=[*part.reasons, found])
        return
    _transfer(uow, part, account)


def _obstacle(uow: UnitOfWork, part: RefundPart, account: BankAccount) -> Reason | None:
    refund, payment = part.refund, part.payment
    assert payment is not None, "only what a payment gives back has another route"
    binding = rules.applying(
        merchant=uow.merchant, channel=refund.channel, actor=refund.requested_by, operator=refund.operator
    )
    original = binding.original_only
    circumstances = Circumstances(
        channel=refund.channel,
        terminal_id=None,
        has_bank_account=True,
        now=uow.now,
        original_only=original.name if original is not None else None,
    )
    found = obstacle(Route.BANK, payment, circumstances)
    if found is not None:
        return found
    try:
        rules.check_account(binding, account.iban)
        # What is decided already counts towards no other limit once more.
        giving = Giving(amount=0, currency=refund.currency, to_iban={account.iban: part.amount})
        passed = rules.check_limits(binding.of_accounts(), giving, now=uow.now)
    except Forbidden as refusal:
        return Reason(route=str(Route.BANK), code=refusal.code, detail=refusal.detail)
    if passed is None:
        return None
    detail = "A second person has to decide about more money to this account. Refund it anew by route bank."
    return Reason(route=str(Route.BANK), code="second_person_required", detail=detail)


def _transfer(uow: UnitOfWork, failed: RefundPart, account: BankAccount) -> None:
    """A part of its own takes the debt over: it holds the amount, and waits for its release."""
    refund = failed.refund
    reason = failed.operations.order_by("id").values_list("failure_detail", flat=True).last() or ""
    part = uow.add(
        RefundPart(
            refund=refund,
            payment=failed.payment,
            item=uow.next_open_item(),
            position=max(each.position for each in transitions.parts_of(uow, refund)) + 1,
            amount=failed.amount,
            tip=failed.tip,
            route=Route.BANK,
            status=PartStatus.QUEUED,
            bank_account=account.stored(),
            iban_hash=rules.iban_hash(account.iban),
            expected_at=next_business_day(uow.now),
            reasons=[Reason(route=failed.route, code="route_failed", detail=f"The first way failed. {reason}".strip())],
        )
    )
    transitions.reserve(uow, part=part)
    transitions.abandon(uow, part=failed, code="replanned", detail="It failed; a bank transfer takes this debt over.")
    transitions.accept(uow, refund=refund, parts=[part], counts=False)
    paying = default_account(uow.merchant, Method.VOUCHER, refund.currency)
    operation = transitions.new_operation_of(uow, part, paying, Operation.Executor.BANK)
    uow.transition(part, PartStatus.PENDING, operation=operation)
