"""The stories. Each is acted out step by step; after every `yield` what was booked meanwhile is written below its sentence."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.utils import timezone

from payments.core.money import Money
from payments.models import Discrepancy, Voucher
from payments.services.capture import capture_payment
from payments.services.card_present.types import AcquirerReferences, DeviceOutcome, Kind, Original
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.release import release_bank_part
from payments.services.voucher import VoucherRequest, create_voucher, expire
from reconciliation.models import Payout
from reconciliation.services.resolve import Resolution, decide, resolve
from tests.builders import BY, report_dispute, work
from tests.ledger.examples.cast import Bloem
from tests.ledger.examples.page import Story
from tests.people.cast import finance_of
from tests.reconciliation.conftest import Line, card_present, settlement_csv


def paid_with_ideal(bloem: Bloem) -> Iterator[str]:
    """An order paid online with iDEAL.

    Anna orders a bouquet of €49.90 in the webshop. While she is at her bank nobody owes the shop anything.
    """
    payment = bloem.shop.pay(4990, method="ideal", return_url="https://bloem.example/thanks")
    yield "Anna is sent to her bank."
    bloem.customer_approves(payment)
    yield "She agrees there, and the provider says that it has the money: from now on it owes it to the shop."


def captured_when_sent(bloem: Bloem) -> Iterator[str]:
    """A card authorized first, captured when the goods are sent.

    Two plants of €30.00 are ordered; one turns out to be sold out. A reservation on a card is not yet money.
    """
    payment = bloem.shop.pay(6000, manual_capture=True)
    yield "€60.00 is authorized."
    capture_payment(payment, amount=3000, final=True, actor=BY)
    yield "One plant is sent: €30.00 is captured, and the rest of the reservation released."


def pin_with_a_tip(bloem: Bloem) -> Iterator[str]:
    """A PIN sale with a tip, taken back a minute later.

    A tip is no turnover of the shop and has an account of its own. A sale that the terminal takes back before it is settled
    never happened for the customer; in the books both stay visible.
    """
    bloem.shop.pin(2700, tip=200)
    yield "€27.00 at the terminal, of which €2.00 is a tip. The acquirer owes it."
    bloem.shop.at_terminal(Kind.REVERSAL, 2700, original=Original(sequence=1))
    yield "The clerk takes the sale back: a journal reversal, the same lines with their sides swapped."


def cash_with_change(bloem: Bloem) -> Iterator[str]:
    """A cash sale, with rounding and change.

    Where one- and two-cent coins are not given out, the till takes €9.98 as €10.00. Change never reaches the books: the till
    holds what came in less what went out again.
    """
    bloem.shop.pay_cash(998, received=2000)
    yield "A customer owes €9.98, hands over €20.00 and gets €10.00 back."


def three_tenders(bloem: Bloem) -> Iterator[str]:
    """One order, paid in three ways.

    An order of €80.00. Each tender is a payment, with a journal entry of its own; the order is what ties them together. Cash
    has no open item: what is in the till is owed by nobody.
    """
    gift = bloem.shop.voucher(2500)
    yield "The shop had given a voucher of €25.00 away: a debt to whoever has its code, and the cost of a promotion."
    first = bloem.shop.pay(2500, method="voucher", channel=bloem.shop.store, voucher_code=gift.code, order_total=8000)
    yield "€25.00 with that voucher."
    bloem.shop.pay_cash(2000, order=first.order)
    yield "€20.00 in cash."
    bloem.shop.pin(3500, order=first.order)
    yield "€35.00 by PIN."


def bought_online_returned_in_store(bloem: Bloem) -> Iterator[str]:
    """Bought online, returned in the store.

    Anna brings half of her order of €50.00 to the store in Utrecht. The return counts there; the money goes back the way it
    came, through the provider of the webshop.
    """
    payment = bloem.shop.pay(5000)
    yield "The sale, in the webshop."
    bloem.shop.refund(payment, 2500, channel=bloem.shop.store)
    yield "The clerk accepts the return: the shop owes Anna €25.00."
    work()
    yield "The provider confirms the refund: the debt is gone, and the provider owes the shop so much less."


def voucher_sold_spent_expired(bloem: Bloem) -> Iterator[str]:
    """A voucher sold, spent in part, and expired.

    Who buys a gift card buys nothing yet. The sale is turned into a debt, which shrinks as the card is spent; what nobody came
    for is income at the end.
    """
    paid = bloem.shop.pin(5000)
    yield "€50.00 is paid by PIN."
    sold = create_voucher(
        VoucherRequest(merchant=bloem.merchant, amount=Money(5000, "EUR"), order=paid.order), actor=BY
    )
    yield "For it the customer gets a voucher: no turnover, but a debt."
    bloem.shop.pay(3200, method="voucher", channel=bloem.shop.store, voucher_code=sold.code)
    yield "€32.00 of it is spent in the store."
    Voucher.objects.filter(id=sold.voucher.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    expire()
    yield "The rest expires."


def chargeback_won(bloem: Bloem) -> Iterator[str]:
    """A chargeback, won.

    A cardholder tells the bank that they never ordered. The bank takes the money back first and asks afterwards.
    """
    payment = bloem.shop.pay(5000)
    yield "The sale."
    report_dispute(payment, "chargeback", "open")
    yield "The chargeback is opened: the provider owes nothing for this sale while it is disputed."
    report_dispute(payment, "chargeback", "won")
    yield "The evidence convinces the bank: the provider owes it again."


def chargeback_lost(bloem: Bloem) -> Iterator[str]:
    """A chargeback, lost.

    The same, but the delivery cannot be proved. The sale stays a sale; the loss is a cost.
    """
    payment = bloem.shop.pay(5000)
    yield "The sale."
    report_dispute(payment, "chargeback", "open")
    yield "The chargeback is opened."
    report_dispute(payment, "chargeback", "lost")
    yield "The bank keeps the money."


def settled_and_paid_out(bloem: Bloem) -> Iterator[str]:
    """A settlement with fees, and its payout at the bank.

    What the provider owes per payment becomes one net amount, less its fees; that becomes a transfer on its way, and at last
    money at the bank. When everybody agrees each step leaves nothing behind.
    """
    for amount in (4990, 2500):
        bloem.shop.pay(amount)
    yield "Two sales in the webshop."
    bloem.settles()
    yield "The settlement is imported: a fee of €0.25 and 21 % VAT on each, and the payout that it announces."
    payout = Payout.objects.get(merchant=bloem.merchant)
    bloem.bank_shows(payout.amount, f"Payout {payout.reference}")
    yield "The bank statement shows the payout."


def exchanged(bloem: Bloem) -> Iterator[str]:
    """An exchange, with something to pay.

    A vase of €30.00 comes back and a larger one of €35.00 goes out. The return becomes a voucher that is spent at once, so
    that each order's own arithmetic stays true.
    """
    old = bloem.shop.pin(3000).order
    yield "The first vase was paid by PIN."
    new = bloem.shop.pay_cash(500, order_total=3500).order
    yield "The difference is paid in cash, on the new order."
    bloem.shop.refund(old, exchange_for=new, channel=bloem.shop.store)
    yield "The exchange: what the shop owes for the old vase pays the rest of the new one."


def refund_by_bank(bloem: Bloem) -> Iterator[str]:
    """A refund by bank transfer, which comes back.

    A PIN purchase is returned by post: without the card the money can only go to a bank account. A person releases it, the bank
    statement proves that it left, and this one was sent to an account that had been closed.
    """
    payment = bloem.shop.pin(2500)
    yield "The sale."
    jansen = BankAccount(iban="NL20INGB0001234567", name="J. Jansen")
    refund = bloem.shop.refund(payment.order, route="bank", bank_account=jansen)
    yield "The refund is accepted."
    part = refund.parts.get()
    operation = part.operations.get()
    release_bank_part(part, user=finance_of(bloem.merchant.id))
    yield "Somebody in finance releases the transfer: it is on its way."
    bloem.bank_shows(-2500, "Refund", end_to_end_id=operation.id)
    yield "The bank statement shows it leaving."
    bloem.bank_shows(2500, "Account closed", end_to_end_id=operation.id)
    yield "A day later it is back: the customer is owed the money again."


def difference_written_off(bloem: Bloem) -> Iterator[str]:
    """A difference, written off by two people.

    The provider settles €48.00 for a sale of €50.00 and does not say why. The €2.00 stays open, with a discrepancy, until
    somebody decides; giving money up takes a second person.
    """
    payment = bloem.shop.pay(5000)
    yield "The sale."
    bloem.sends(settlement_csv(Line(4800, operation=payment.operations.get().id)))
    yield "The settlement is imported; of the payment €2.00 stays open."
    row = Discrepancy.objects.get(merchant=bloem.merchant)
    resolution = Resolution(action="write_off", note="Not worth the telephone call.")
    resolve(merchant=bloem.merchant, discrepancy_id=row.id, resolution=resolution, actor=BY)
    yield "One person proposes to write it off."
    decide(row.id, user=finance_of(bloem.merchant.id), approved=True)
    yield "A second person agrees."


def line_that_nobody_knew(bloem: Bloem) -> Iterator[str]:
    """A settlement line that nobody knew, matched by hand.

    The provider settles something under a name that says nothing. The money is there, so it is booked; what it is for is in
    suspense until somebody finds out.
    """
    payment = bloem.shop.pay(5000)
    yield "The sale."
    bloem.sends(settlement_csv(Line(5000, reference="who?")), provider_account=bloem.shop.account("simulator"))
    yield "The settlement is imported, with a line about something unknown."
    row = Discrepancy.objects.get(merchant=bloem.merchant)
    resolution = Resolution(action="match", note="The provider says that it is this one.", with_=(payment.id,))
    resolve(merchant=bloem.merchant, discrepancy_id=row.id, resolution=resolution, actor=BY)
    yield "Finance matches it with the sale."


def approved_offline(bloem: Bloem) -> Iterator[str]:
    """Two PIN sales approved offline: one confirmed, one declined after all.

    The line of the store is down. The terminal approves by itself, and nobody has promised the shop anything yet: what it
    expects is provisional.
    """
    bloem.shop.pin(2500, offline=True, references=AcquirerReferences(rrn="000000000009"))
    bloem.shop.pin(1500, offline=True, references=AcquirerReferences(rrn="000000000010"))
    yield "€25.00 and €15.00 are approved offline."
    bloem.sends(settlement_csv(card_present(2500, rrn="000000000009", fee=10)))
    yield "The acquirer settles the first, less a fee of €0.10: with that it is confirmed."
    bloem.shop.at_terminal(Kind.SALE, 1500, resolves=2, outcome=DeviceOutcome.DECLINED)
    yield "The issuer declines the second when the terminal is back on line. The goods are gone: a loss."


def settled_in_dollars(bloem: Bloem) -> Iterator[str]:
    """Sold in euros, settled in dollars.

    One entry is balanced per currency. The account *Exchange* takes over between them, so that the sale is settled in full in
    the currency in which it was made.
    """
    payment = bloem.shop.pay(5000)
    yield "The sale, in euros."
    line = Line(5500, 50, operation=payment.operations.get().id)
    bloem.sends(settlement_csv(line, currency="USD"), provider_account=bloem.shop.account("simulator"))
    yield "The provider settles it as $55.00, less a fee of $0.50."


STORIES: Final[tuple[Story, ...]] = (
    paid_with_ideal,
    captured_when_sent,
    pin_with_a_tip,
    cash_with_change,
    three_tenders,
    bought_online_returned_in_store,
    voucher_sold_spent_expired,
    chargeback_won,
    chargeback_lost,
    settled_and_paid_out,
    exchanged,
    refund_by_bank,
    difference_written_off,
    line_that_nobody_knew,
    approved_offline,
    settled_in_dollars,
)
