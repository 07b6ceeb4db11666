"""What a person waits for never stands behind an import."""

import pytest
from django.conf import settings

from config.celery import app

BATCH = {
    "payments.expire_vouchers",
    "payments.fold_statistics",
    "payments.forget_accounts",
    "payments.forget_keys",
    "payments.forget_sign_ins",
    "payments.ledger.extend_chain",
    "payments.ledger.fold",
    "reconciliation.fill_outboxes",
    "reconciliation.forget_files",
    "reconciliation.import_due",
    "reconciliation.import_file",
    "reconciliation.look_for_payouts",
    "payments.write_list_file",
    "payments.write_list_files",
    "payments.forget_list_files",
    "reconciliation.make_export",
    "reconciliation.make_exports_due",
    "reconciliation.put_exports",
    "reconciliation.raise_overdue",
    "reconciliation.read_sources",
    "reconciliation.rematch",
    "reconciliation.request_scheduled",
    "reconciliation.send_connector",
    "reconciliation.send_to_accountants",
    "terminals.forget_requests",
}


@pytest.fixture(scope="module")
def tasks() -> list[str]:
    app.loader.import_default_modules()
    return [name for name in app.tasks if name.startswith(("payments.", "terminals.", "reconciliation."))]


def test_each_task_goes_to_its_queue(tasks: list[str]) -> None:
    found = {name: app.amqp.router.route({}, name)["queue"].name for name in tasks}
    assert {name for name, queue in found.items() if queue == "batch"} == BATCH
    assert set(found.values()) == {"realtime", "batch"}


def test_every_sweep_is_a_task(tasks: list[str]) -> None:
    assert set(settings.SWEEPS) <= set(tasks)
