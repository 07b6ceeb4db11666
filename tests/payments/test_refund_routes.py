"""What routes can really do: the payer's own account, a provider's limits, a balance too short, and what failed goes on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.iban import is_iban
from payments.core.ids import made_in
from payments.ledger import audit as ledger_audit
from payments.models import Operation, Payment, Refund, RefundPart, RefundRule
from payments.notify.models import Event
from payments.providers.base import Outcome, Payer, ProviderReport, ReportType, Result
from payments.providers.simulator import provider as simulated
from payments.providers.simulator.magic import Ending, magic
from payments.services import forget_accounts, recover, refund_rules
from payments.services.record import record
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.release import release_bank_part
from payments.services.refunds.request import plan_refund
from tests.builders import BY, Shop, open_shop
from tests.people.cast import finance_of
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)

ANNA = BankAccount(iban="NL20INGB0001234567", name="A. de Vries")


@pytest.fixture
def shop(simulator: RunningSimulator) -> Shop:
    return open_shop()


def ideal(shop: Shop, simulator: RunningSimulator, amount: int) -> Payment:
    """Somebody pays by iDEAL in the webshop, to the end."""
    payment = shop.pay(amount, method="ideal", return_url="https://example.com/thanks")
    operation = payment.operations.get()
    record(
        operation.provider_account,
        [
            ProviderReport(
                fact=ReportType.SALE,
                operation_id=operation.id,
                result=Result(
                    Outcome.SUCCEEDED,
                    reference=f"chg_{operation.id}",
                    payer=Payer(iban=ANNA.iban, name=ANNA.name),
                ),
            )
        ],
        actor=BY,
    )
    payment.refresh_from_db()
    return payment


def fails(part: RefundPart, *, code: str = "account_closed") -> None:
    """The provider says no to a part."""
    operation = part.operations.get()
    refused = Result(Outcome.DECLINED, code=code, detail="The account is closed.")
    report = ProviderReport(fact=ReportType.REFUND, operation_id=operation.id, result=refused)
    record(operation.provider_account, [report], actor=BY)


def parts(refund: Refund) -> list[tuple[str, str]]:
    return [(part.route, part.status) for part in refund.parts.order_by("position")]


def violations() -> list[Any]:
    return list(ledger_audit.violations())


def test_a_payer_is_known_from_ideal_and_kept_encrypted(shop: Shop, simulator: RunningSimulator) -> None:
    payment = ideal(shop, simulator, 5_000)
    assert payment.payer_account == ANNA.stored()
    stored = (
        Payment.objects.filter(id=payment.id).extra(select={"raw": "payer_account"}).values_list("raw", flat=True)[0]
    )
    assert ANNA.iban not in stored
    planned = plan_refund(shop.asks(payment, 5_000, route="bank"), actor=BY).parts
    assert [part.bank_account for part in planned] == [ANNA]


def test_the_simulator_tells_a_real_account(shop: Shop) -> None:
    from payments.providers.simulator.methods import payer_facts

    facts = payer_facts("ideal", "anna@example.com")
    assert facts is not None
    assert is_iban(facts.iban)
    assert payer_facts("card", "anna@example.com") is None


def test_another_account_may_be_typed(shop: Shop, simulator: RunningSimulator) -> None:
    payment = ideal(shop, simulator, 5_000)
    other = BankAccount(iban="NL44RABO0123456789", name="B. Bakker")
    planned = plan_refund(shop.asks(payment, 5_000, route="bank", bank_account=other), actor=BY).parts
    assert [part.bank_account for part in planned] == [other]


def test_what_its_provider_does_not_pay_goes_on_as_a_transfer(shop: Shop, simulator: RunningSimulator) -> None:
    payment = ideal(shop, simulator, 5_000)
    refund = shop.refund(payment, 2_000)
    fails(refund.parts.get())
    assert parts(refund) == [("original", "canceled"), ("bank", "pending")]
    refund.refresh_from_db()
    payment.refresh_from_db()
    assert (refund.status, payment.refund_reserved, payment.amount_refunded) == ("pending", 2_000, 0)
    events = Event.objects.filter(object_id=refund.id).order_by("id").values_list("type", flat=True)
    assert "refund.failed" not in events
    assert violations() == []


def test_where_a_rule_forbids_it_a_person_decides_and_reads_why(shop: Shop, simulator: RunningSimulator) -> None:
    made = refund_rules.add_rule(shop.merchant, name="Blocked", kind="blocked_iban", iban=ANNA.iban, actor=BY)
    assert isinstance(made, RefundRule)
    refund = shop.refund(ideal(shop, simulator, 5_000), 2_000)
    fails(refund.parts.get())
    part = refund.parts.get()
    assert part.status == "failed"
    assert [reason["code"] for reason in part.reasons] == ["iban_blocked"]
    assert violations() == []


def test_without_an_account_a_person_decides(shop: Shop) -> None:
    refund = shop.refund(shop.pay(5_000, method="card"), 2_000)
    fails(refund.parts.get())
    assert parts(refund) == [("original", "failed")]


def test_a_balance_too_short_is_tried_again_and_told(shop: Shop) -> None:
    payment = shop.pay(10_000, method="card")
    refund = shop.refund(payment, magic(2_000, Ending.BALANCE_SHORT_ONCE))
    operation = Operation.objects.get(refund_part__refund=refund)
    recover.recover_operation(operation.id)
    part = refund.parts.get()
    assert part.status == "queued"
    assert [reason["code"] for reason in part.reasons] == ["balance_too_short"]
    recover.recover_operation(operation.id)
    assert refund.parts.get().status == "succeeded"


@pytest.mark.parametrize(
    ("able", "amount", "code"),
    [
        ({"partial_refund": False}, 2_000, "partial_refund_not_possible"),
        ({"least_refund": {"EUR": 100}}, 50, "refund_too_small"),
        ({"most_refunds": 1}, 100, "refunds_used_up"),
    ],
)
def test_a_providers_limits_are_known_before_it_is_asked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, able: dict[str, Any], amount: int, code: str
) -> None:
    payment = shop.pay(5_000, method="card")
    shop.refund(payment, 1_000)
    monkeypatch.setattr(simulated.Simulator, "capabilities", replace(simulated.Simulator.capabilities, **able))
    payment.refresh_from_db()
    (part,) = plan_refund(shop.asks(payment, amount, bank_account=ANNA), actor=BY).parts
    assert part.route == "bank"
    assert code in [reason["code"] for reason in part.reasons]


def test_accounts_are_forgotten_after_thirteen_months_and_not_while_they_are_owed(
    shop: Shop, simulator: RunningSimulator
) -> None:
    with made_in(timezone.now() - timedelta(days=400)):
        payment = ideal(shop, simulator, 5_000)
        paid = shop.refund(payment, 1_000, route="bank")
        owed = shop.refund(payment, 2_000, route="bank")
    release_bank_part(paid.parts.get(), user=finance_of(shop.merchant.id))
    forget_accounts.forget()
    payment.refresh_from_db()
    assert payment.payer_account is None
    assert (paid.parts.get().bank_account, paid.parts.get().iban_hash) == ("", "")
    assert owed.parts.get().bank_account == ANNA.stored()
    assert forget_accounts.forget() == 0
