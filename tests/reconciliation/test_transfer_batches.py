"""Refunds that go to the bank as one file: prepared by one person, released by another, fetched once, seen leaving."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from lxml import etree

from payments.core.bank_days import bank_day_from
from payments.core.errors import Conflict, Forbidden, ValidationFailed
from payments.models import Payment, RefundPart, TransferBatch
from payments.people.models import Approval, AuditLog, User
from payments.people.services import approvals, customers
from payments.services import forget_accounts
from payments.services.card_present.types import Kind
from payments.services.refunds.cancel import cancel_refund
from payments.services.refunds.plan import BankAccount, RefundRequest
from payments.services.refunds.release import release_bank_part
from payments.services.refunds.request import request_refund
from payments.services.transfer import end_to_end_id
from payments.services.transfer_batches import pain001
from payments.services.transfer_batches.candidates import debtor_accounts, sorted_out
from payments.services.transfer_batches.download import download_batch
from payments.services.transfer_batches.prepare import prepare_batch
from payments.services.transfer_batches.release import cancel_batch
from reconciliation.models import BankAccount as OwnAccount
from tests.people.cast import finance_of, person
from tests.reconciliation.conftest import IBAN, BankLine, Shop, statement, violations

SCHEMA = Path(__file__).parents[3] / "shared" / "samples" / "schemas" / "pain.001.001.09.xsd"
PAIN = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}
SAVINGS = "NL44RABO0123456789"


def owes(shop: Shop, amount: int, *, iban: str = "NL20INGB0001234567", name: str = "J. Jansen") -> RefundPart:
    """A PIN sale that is brought back, to be paid to a bank account."""
    request = RefundRequest(
        order=shop.sells_in_store(amount, rrn=f"{amount:012}").order,
        channel=shop.webshop,
        reason="Returned by post.",
        route="bank",
        bank_account=BankAccount(iban=iban, name=name),
    )
    return request_refund(request, actor="tests").refund.parts.get()


def maker_of(shop: Shop) -> User:
    return proved("maker", shop)


def proved(name: str, shop: Shop) -> User:
    """Somebody in finance who has just proved who they are."""
    user = User.objects.filter(username=name).first() or person(name, shop.merchant.id)
    user.second_factor_at = timezone.now()
    return user


def prepared(shop: Shop, parts: Sequence[RefundPart], *, iban: str = IBAN) -> TransferBatch:
    return prepare_batch(
        merchant=shop.merchant,
        iban=iban,
        part_ids=[part.id for part in parts],
        execute_on=bank_day_from(shop.merchant.business_day(parts[0].refund.created_at)),
        user=maker_of(shop),
    )


def decides(batch: TransferBatch, *, user: User | None = None, approved: bool = True) -> TransferBatch:
    waiting = _approval(batch)
    approvals.settle(
        approval_id=waiting, user=user or finance_of(batch.merchant_id), approved=approved, note="Checked."
    )
    batch.refresh_from_db()
    return batch


def _approval(batch: TransferBatch) -> str:
    return Approval.objects.get(subject_id=batch.id, decision=None).id


def released(shop: Shop, *amounts: int) -> tuple[TransferBatch, list[RefundPart]]:
    parts = [owes(shop, amount) for amount in amounts]
    return decides(prepared(shop, parts)), parts


def statuses(parts: Sequence[RefundPart]) -> list[str]:
    for part in parts:
        part.refresh_from_db()
    return [part.status for part in parts]


def our_name(batch: TransferBatch) -> str:
    return batch.id.replace("_", "-").upper()


def test_the_file_orders_each_transfer_once_and_is_what_banks_take(shop: Shop) -> None:
    parts = [owes(shop, 2_550), owes(shop, 100_000, name="Søren Łukasz & Zn. / Café Bœuf //")]
    batch = decides(prepared(shop, parts))
    content = download_batch(batch, user=maker_of(shop))
    tree = etree.fromstring(content)
    if SCHEMA.exists():
        etree.XMLSchema(etree.parse(SCHEMA)).assertValid(tree)

    def texts_at(path: str) -> list[str]:
        return [found.text or "" for found in tree.iterfind(f".//p:{path}", PAIN)]

    assert texts_at("PmtInf/p:PmtInfId") == [our_name(batch)]
    assert texts_at("PmtInf/p:NbOfTxs") + texts_at("PmtInf/p:CtrlSum") == ["2", "1025.50"]
    assert texts_at("DbtrAcct/p:Id/p:IBAN") == [IBAN]
    assert texts_at("InstdAmt") == ["25.50", "1000.00"]
    assert texts_at("EndToEndId") == [end_to_end_id(part) for part in parts]
    assert texts_at("Cdtr/p:Nm") == ["J. Jansen", "Soren Lukasz Zn. / Cafe Boeuf"]
    assert all(len(text) <= 140 for text in texts_at("Ustrd"))


@pytest.mark.skipif(not SCHEMA.exists(), reason="the bank's schema is not on this machine")
def test_five_hundred_transfers_are_valid_too(shop: Shop) -> None:
    transfers = [
        pain001.Transfer(end_to_end_id=f"OP-{at}", amount=at + 1, iban=IBAN, name="A", text="B") for at in range(500)
    ]
    order = pain001.PaymentOrder(
        id="TRB-1",
        made_at=shop.merchant.created_at,
        debtor="Bloem <& Zn>",
        iban=IBAN,
        currency="EUR",
        execute_on=date(2026, 12, 1),
        transfers=transfers,
    )
    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(etree.fromstring(pain001.write(order).encode()))


def test_it_is_booked_when_a_second_person_releases_it(shop: Shop) -> None:
    parts = [owes(shop, 2_500), owes(shop, 1_000)]
    batch = prepared(shop, parts)
    assert statuses(parts) == ["pending", "pending"]
    decides(batch)
    assert statuses(parts) == ["succeeded", "succeeded"]
    assert [shop.balance("in_transit", part.item) for part in parts] == [-2_500, -1_000]
    assert [shop.balance("refunds_payable", part.item) for part in parts] == [0, 0]
    assert violations() == []


def test_nobody_releases_what_they_prepared_or_asked_for(shop: Shop) -> None:
    asker = proved("asker", shop)
    part = owes(shop, 2_500)
    part.refund.requested_by = asker.id
    part.refund.save()
    batch = prepared(shop, [part])
    for user in (maker_of(shop), asker):
        with pytest.raises(Forbidden) as refusal:
            decides(batch, user=user)
        assert refusal.value.code == "own_request"
    assert decides(batch).status == "released"


def test_a_transfer_is_in_one_batch_and_leaves_in_no_other_way(shop: Shop) -> None:
    part = owes(shop, 2_500)
    batch = prepared(shop, [part])
    assert sorted_out(shop.merchant) == ([], [])
    with pytest.raises(Conflict) as again:
        prepared(shop, [part])
    with pytest.raises(Conflict) as by_hand:
        release_bank_part(part, user=finance_of(shop.merchant.id))
    with pytest.raises(Conflict) as canceled:
        cancel_refund(part.refund, actor="tests")
    codes = (again.value.code, by_hand.value.code, canceled.value.code)
    assert codes == ("transfer_not_batchable", "transfer_in_batch", "transfer_in_batch")
    decides(batch, approved=False)
    assert statuses([part]) == ["pending"]
    assert decides(prepared(shop, [part])).status == "released"


def test_its_maker_takes_it_apart_again(shop: Shop) -> None:
    part = owes(shop, 2_500)
    batch = prepared(shop, [part])
    cancel_batch(batch, user=maker_of(shop))
    assert sorted_out(shop.merchant) == ([part], [])
    with pytest.raises(Conflict, match="batch_not_waiting"):
        cancel_batch(batch, user=maker_of(shop))
    with pytest.raises(Conflict, match="batch_not_released"):
        download_batch(batch, user=maker_of(shop))


def test_it_is_of_some_transfers_on_a_bank_day_within_a_month(shop: Shop) -> None:
    part, today = owes(shop, 2_500), shop.merchant.business_day(timezone.now())
    saturday = today + timedelta(days=(5 - today.weekday()) % 7 or 7)
    for day in (today - timedelta(days=1), saturday, bank_day_from(today + timedelta(days=60))):
        assert refused_of(shop, [part.id], day) == ["execution_day_invalid"]
    assert refused_of(shop, [], bank_day_from(today)) == ["invalid_length"]


def refused_of(shop: Shop, part_ids: list[str], execute_on: date) -> list[str]:
    with pytest.raises(ValidationFailed) as refused:
        prepare_batch(merchant=shop.merchant, iban=IBAN, part_ids=part_ids, execute_on=execute_on, user=maker_of(shop))
    return [fault.code for fault in refused.value.faults]


def test_another_currency_than_the_euro_is_left_out_with_what_to_do(shop: Shop) -> None:
    sold = shop.reports(Kind.SALE, 2_500, currency="SEK", rrn="000000000077")
    request = RefundRequest(
        order=Payment.objects.get(id=sold.payment_id).order,
        channel=shop.webshop,
        reason="Returned by post.",
        route="bank",
        bank_account=BankAccount(iban="NL20INGB0001234567", name="J. Jansen"),
    )
    part = request_refund(request, actor="tests").refund.parts.get()
    fitting, left_out = sorted_out(shop.merchant)
    assert fitting == []
    assert [(row.part, row.code) for row in left_out] == [(part, "transfer_not_in_euros")]


def test_a_file_that_was_erased_after_its_retention_is_not_fetched(shop: Shop) -> None:
    batch, _ = released(shop, 2_500)
    forget_accounts.forget(now=timezone.now() + forget_accounts.KEPT + timedelta(days=1))
    with pytest.raises(Conflict, match="bank_account_forgotten"):
        download_batch(batch, user=maker_of(shop))


def test_what_left_by_hand_meanwhile_is_not_paid_again(shop: Shop) -> None:
    part, other = owes(shop, 2_500), owes(shop, 1_000)
    batch = prepared(shop, [part, other])
    shop.sends(statement(BankLine(-2_500, end_to_end_id=end_to_end_id(part))))
    with pytest.raises(Conflict, match="batch_changed"):
        decides(batch)
    assert statuses([part, other]) == ["succeeded", "pending"]
    decides(batch, approved=False)
    assert sorted_out(shop.merchant) == ([other], [])


def test_the_file_is_fetched_once_and_again_only_with_a_note(shop: Shop) -> None:
    batch, _ = released(shop, 2_500)
    first = download_batch(batch, user=maker_of(shop))
    with pytest.raises(Conflict, match="batch_downloaded"):
        download_batch(batch, user=finance_of(shop.merchant.id))
    assert download_batch(batch, user=finance_of(shop.merchant.id), note="The bank lost it.") == first
    rows = AuditLog.objects.filter(object_id=batch.id, action__contains="downloaded").order_by("id")
    assert [(row.actor, row.action, (row.after or {}).get("note")) for row in rows] == [
        (maker_of(shop).id, "transfer_batch.downloaded", None),
        (finance_of(shop.merchant.id).id, "transfer_batch.downloaded_again", "The bank lost it."),
    ]


def test_one_debit_for_all_of_it_closes_it(shop: Shop) -> None:
    batch, parts = released(shop, 2_500, 1_000)
    shop.sends(statement(BankLine(-3_500, f"Batch {our_name(batch)}", end_to_end_id="NOTPROVIDED")))
    assert [shop.balance("in_transit", part.item) for part in parts] == [0, 0]
    assert shop.balance("bank") == -3_500
    assert shop.disagreements() == []
    assert violations() == []


def test_one_debit_a_transfer_closes_it_too(shop: Shop) -> None:
    _, parts = released(shop, 2_500, 1_000)
    lines = [BankLine(-part.amount, end_to_end_id=end_to_end_id(part)) for part in parts]
    shop.sends(statement(*lines))
    assert [shop.balance("in_transit", part.item) for part in parts] == [0, 0]
    assert shop.disagreements() == []


@pytest.mark.parametrize("also", ["batch", "transfer"])
def test_what_the_bank_debits_twice_is_held_for_a_person(shop: Shop, also: str) -> None:
    batch, parts = released(shop, 2_500, 1_000)
    whole = BankLine(-3_500, f"Batch {our_name(batch)}", end_to_end_id="NOTPROVIDED")
    shop.sends(statement(whole))
    again = whole if also == "batch" else BankLine(-2_500, end_to_end_id=end_to_end_id(parts[0]))
    shop.sends(statement(again, opening=96_500))
    assert [shop.balance("in_transit", part.item) for part in parts] == [0, 0]
    assert [row.kind for row in shop.disagreements()] == ["unknown_line"]
    assert violations() == []


def test_a_debit_of_another_amount_is_not_taken_for_it(shop: Shop) -> None:
    batch, parts = released(shop, 2_500, 1_000)
    shop.sends(statement(BankLine(-3_400, f"Batch {our_name(batch)}", end_to_end_id="NOTPROVIDED")))
    assert [shop.balance("in_transit", part.item) for part in parts] == [-2_500, -1_000]
    assert [row.kind for row in shop.disagreements()] == ["unknown_line"]


def test_a_returned_transfer_is_owed_again_with_the_banks_reason(shop: Shop) -> None:
    batch, parts = released(shop, 2_500, 1_000)
    shop.sends(statement(BankLine(-3_500, f"Batch {our_name(batch)}", end_to_end_id="NOTPROVIDED"), number=1))
    back = BankLine(1_000, "AC04 closed", end_to_end_id=end_to_end_id(parts[1]))
    shop.sends(statement(back, opening=96_500, number=2))
    assert statuses(parts) == ["succeeded", "failed"]
    assert shop.balance("refunds_payable", parts[1].item) == -1_000
    assert shop.balance("bank") == -2_500
    operation = parts[1].operations.get()
    assert operation.failure_code == "transfer_returned"
    assert operation.failure_detail == "The bank returned the transfer: the account is closed (AC04)."
    assert violations() == []


def test_it_leaves_from_the_account_that_was_chosen(shop: Shop) -> None:
    OwnAccount.objects.create(merchant=shop.merchant, iban=SAVINGS, name="Savings", currency="EUR")
    OwnAccount.objects.create(merchant=shop.merchant, iban="GB33BUKB20201555555555", name="Pounds", currency="GBP")
    assert debtor_accounts(shop.merchant) == [IBAN, SAVINGS]
    part = owes(shop, 2_500)
    with pytest.raises(ValidationFailed):
        prepared(shop, [part], iban="GB33BUKB20201555555555")
    batch = decides(prepared(shop, [part], iban=SAVINGS))
    shop.sends(statement(BankLine(-2_500, f"/PREF/{our_name(batch)}", end_to_end_id="NOTPROVIDED"), iban=SAVINGS))
    assert shop.balance("in_transit", part.item) == 0
    assert violations() == []


def test_what_no_batch_can_hold_says_why(shop: Shop) -> None:
    abroad = owes(shop, 2_500, iban="TR330006100519786457841326")
    unreadable = owes(shop, 2_600, name="Иванов")
    erased = owes(shop, 2_700)
    RefundPart.objects.filter(id=erased.id).update(bank_account="")
    fitting, left_out = sorted_out(shop.merchant)
    assert fitting == []
    assert [(row.part, row.code) for row in left_out] == [
        (abroad, "transfer_outside_sepa"),
        (unreadable, "name_not_for_banks"),
        (erased, "bank_account_forgotten"),
    ]
    with pytest.raises(Conflict, match="transfer_not_batchable"):
        prepared(shop, [abroad])


def test_a_customer_who_is_forgotten_is_paid_all_the_same(shop: Shop) -> None:
    part = owes(shop, 2_500)
    customer = customers.get_or_create(merchant_id=shop.merchant.id, reference="jan", name="J. Jansen")
    assert customer is not None
    part.refund.order.customer = customer
    part.refund.order.save()
    customers.forget(customer_id=customer.id, merchant_id=shop.merchant.id, actor="tests")
    assert decides(prepared(shop, [part])).count == 1
