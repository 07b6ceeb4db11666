"""Bank transfers leave as one file, by clicking: finance makes the batch, another releases it, the file is fetched."""

import re

import pytest

from payments.models import Refund, TransferBatch
from payments.people.models import Approval, AuditLog
from payments.services.refunds.plan import BankAccount
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop

pytestmark = pytest.mark.django_db

ANNA = BankAccount(iban="NL20INGB0001234567", name="A. de Vries")
OWN = "NL91ABNA0417164300"


@pytest.fixture
def waiting(shop: Shop) -> Refund:
    """25.50 of the webshop's customer, to be transferred."""
    shop.merchant.iban = OWN
    shop.merchant.save()
    return shop.refund(shop.pin(5_000).order, 2_550, bank_account=ANNA)


def made(finance: Browser) -> TransferBatch:
    """What comes of the page as it is offered: all that waits, from the first account, on the first day."""
    finance.prove()
    page = finance.get("payments/banktransfer/prepare/")
    form = dict(re.findall(r'name="(once)" value="([0-9a-f]+)"', page))
    days = re.findall(r'<option value="(\d{4}-\d\d-\d\d)"', page)
    parts = re.findall(r'name="parts" value="(prt_\w+)"', page)
    finance.post("payments/banktransfer/prepare/", iban=OWN, execute_on=days[0], parts=parts, **form)
    return TransferBatch.objects.get()


@pytest.mark.parametrize(("language", "button"), [("en", "Make a batch"), ("nl", "Betaalbatch maken")])
def test_a_batch_is_made_released_by_another_and_fetched_once(
    language: str, button: str, shop: Shop, waiting: Refund, sign_in: SignIn
) -> None:
    finance, second = sign_in("finance", language=language), sign_in("finance", language=language)
    assert button in finance.get("payments/banktransfer/")
    batch = made(finance)
    page = f"payments/transferbatch/{batch.id}/"
    assert f"/{page}cancel/" not in finance.get(f"{page}change/"), "buttons lead to pages below the row's"
    assert "../cancel/" in finance.get(f"{page}change/")
    approval = Approval.objects.get(subject_id=batch.id)
    second.prove()
    assert "25" in second.get(f"people/approval/{approval.id}/change/")
    second.post(f"people/approval/{approval.id}/decide/", decision="approve", note="")
    batch.refresh_from_db()
    assert batch.status == "released"
    file = finance.client.post(f"/admin/{page}download/")
    assert file["Content-Type"] == "application/xml"
    assert ANNA.iban.encode() in file.content
    again = finance.post(f"{page}download/", status=422)
    assert 'name="note"' in again
    assert finance.client.post(f"/admin/{page}download/", {"note": "Lost."}).content == file.content
    assert AuditLog.objects.filter(object_id=batch.id, action="transfer_batch.downloaded_again").count() == 1


def test_others_see_neither_batches_nor_accounts(shop: Shop, waiting: Refund, sign_in: SignIn) -> None:
    batch = made(sign_in("finance"))
    approval = Approval.objects.get(subject_id=batch.id)
    for role in ("clerk", "store_manager", "auditor"):
        browser = sign_in(role)
        browser.get("payments/transferbatch/", status=403)
        browser.get("payments/banktransfer/prepare/", status=403)
        assert "INGB" not in browser.get(f"people/approval/{approval.id}/change/")
    sign_in("finance", channel_id=shop.webshop.id).get("payments/banktransfer/prepare/", status=403)


def test_a_double_click_makes_one_batch(shop: Shop, waiting: Refund, sign_in: SignIn) -> None:
    finance = sign_in("finance")
    batch = made(finance)
    form = {
        "iban": OWN,
        "execute_on": batch.execute_on.isoformat(),
        "parts": [waiting.parts.get().id],
        "once": "0" * 32,
    }
    assert "ot-note" in finance.post("payments/banktransfer/prepare/", status=422, **form)
    assert TransferBatch.objects.count() == 1


def test_what_cannot_leave_so_is_named(shop: Shop, waiting: Refund, sign_in: SignIn) -> None:
    abroad = BankAccount(iban="TR330006100519786457841326", name="A. Yilmaz")
    shop.refund(shop.pin(700).order, 700, bank_account=abroad)
    finance = sign_in("finance", language="nl")
    finance.prove()
    assert "De rekening ligt buiten SEPA" in finance.get("payments/banktransfer/prepare/")
