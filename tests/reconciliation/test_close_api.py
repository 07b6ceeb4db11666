"""Closing by API and command: who holds the right key closes days and months, and reads their checklists."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from payments.models import Discrepancy
from payments.people.models import Approval
from payments.people.services import approvals
from tests.api.client import faults, refusal
from tests.people.cast import finance_of
from tests.reconciliation.conftest import Shop
from tests.reconciliation.test_api import api, read
from tests.reconciliation.test_close import ago, booked_on, sells
from tests.responses import ClientResponse

WHY = {"operator": "Anna", "reason": "The till was stolen."}


def in_the_way(shop: Shop) -> Discrepancy:
    return Discrepancy.objects.create(
        merchant=shop.merchant, kind="sequence_gap", key="gap", channel_id=shop.store.id, detail="2 to 3"
    )


def agrees(answer: ClientResponse, shop: Shop) -> None:
    """Another person decides, as in the admin."""
    approval = read(answer)["approval"]
    user = finance_of(shop.merchant.id)
    approvals.settle(approval_id=approval["id"], user=user, approved=True, note="")


def test_a_day_is_closed_and_tells_what_was_checked(shop: Shop) -> None:
    day, client = ago(shop, 1), api(shop)
    sells(shop, 1200, day)
    path = f"/v1/days/{day}/close"
    before = read(client.get(path, channel=shop.store.id))
    assert (before["object"], before["status"], before["date"], before["history"]) == ("close", "open", f"{day}", [])
    assert before["channel"] == {"id": shop.store.id, "name": shop.store.name, "kind": "in_store"}
    assert [check["check"] for check in before["checklist"]] == [
        *("shifts", "settlements", "bank", "discrepancies", "unknowns", "provisional", "earlier_day_open"),
    ]
    answer = client.post(path, {"channel": shop.store.id}, idempotency_key="close")
    done = read(answer)
    assert (answer.status_code, done["status"]) == (200, "closed")
    assert all(check["passed"] and check["count"] == 0 and check["detail"] for check in done["checklist"])
    (closed,) = done["history"]
    assert (closed["status"], closed["by"][:4], closed["approved_by"]) == ("closed", "key_", None)
    assert read(client.post(path, {"channel": shop.store.id}, idempotency_key="close")) == done
    assert read(client.post(path, {"channel": shop.store.id})) == read(client.get(path, channel=shop.store.id)) == done


def test_what_fails_is_told_with_the_refusal_and_closed_by_two(shop: Shop) -> None:
    day, client = ago(shop, 1), api(shop)
    in_the_way(shop)
    path, body = f"/v1/days/{day}/close", {"channel": shop.store.id}
    refused = refusal(client.post(path, body), 409, "checklist_failed")
    assert (refused["date"], refused["channel"]["id"], refused["result_status"]) == (f"{day}", shop.store.id, "open")
    assert [check["check"] for check in refused["checklist"] if not check["passed"]] == ["shifts"]
    requested = client.post(path, body | {"override": WHY}, idempotency_key="override")
    assert requested.status_code == 202
    approval = Approval.objects.get()
    assert read(requested) == {
        "status": "requires_approval",
        "approval": {"id": approval.id, "action": "override_close", "requested_by": approval.requested_by},
    }
    assert read(client.post(path, body | {"override": WHY}, idempotency_key="override")) == read(requested)
    refusal(client.post(path, body | {"override": WHY}), 409, "approval_waiting")
    assert read(client.get(path, channel=shop.store.id))["status"] == "open"
    agrees(requested, shop)
    closed = read(client.get(path, channel=shop.store.id))
    assert closed["status"] == "closed"
    assert closed["history"][0] | {"at": ""} == {
        "status": "closed",
        "at": "",
        "by": approval.requested_by,
        "approved_by": finance_of(shop.merchant.id).id,
        **WHY,
    }


def test_a_month_is_closed_for_the_merchant_and_reopened_by_two(shop: Shop) -> None:
    client, day = api(shop), ago(shop, 0).replace(day=1) - timedelta(days=3)
    month = f"/v1/months/{day:%Y-%m}"
    sells(shop, 1200, day)
    refused = refusal(client.post(f"{month}/close", {}), 409, "checklist_failed")
    assert (refused["month"], refused["channel"]) == (f"{day:%Y-%m}", None)
    assert [check["check"] for check in refused["checklist"] if not check["passed"]] == ["days_open"]
    client.post(f"/v1/days/{day}/close", {"channel": shop.store.id})
    assert read(client.post(f"{month}/close", {}))["status"] == "closed"
    reopening = {"channel": shop.store.id, **WHY}
    refusal(client.post(f"/v1/days/{day}/reopen", reopening), 409, "month_closed")
    for path, body in ((f"{month}/reopen", WHY), (f"/v1/days/{day}/reopen", reopening)):
        requested = client.post(path, body)
        assert (requested.status_code, read(requested)["approval"]["action"]) == (202, "reopen_period")
        agrees(requested, shop)
    assert read(client.get(f"{month}/close"))["status"] == "open"
    assert booked_on(sells(shop, 100, day)) == day


@pytest.mark.parametrize(
    ("path", "param"),
    [("/v1/days/2026-13-01/close", "date"), ("/v1/days/20260101/close", "date"), ("/v1/months/2026-1/close", "month")],
)
def test_a_day_that_is_none_is_named(shop: Shop, path: str, param: str) -> None:
    body = {"channel": shop.store.id} if "days" in path else {}
    assert faults(api(shop).post(path, body)) == {param: "invalid_format"}


def test_what_is_missing_or_too_early_is_refused(shop: Shop, open_shop: Any) -> None:
    client, day = api(shop), ago(shop, 1)
    refusal(client.post(f"/v1/days/{day}/close", {}), 422, "channel_required")
    refusal(client.get(f"/v1/days/{day}/close"), 422, "channel_required")
    today = f"/v1/days/{ago(shop, 0)}/close"
    refusal(client.post(today, {"channel": shop.store.id}), 422, "day_not_over")
    assert read(client.get(today, channel=shop.store.id))["status"] == "open"
    refusal(client.post(f"/v1/months/{ago(shop, 0):%Y-%m}/close", {}), 422, "day_not_over")
    stranger = open_shop("Vreemd")
    assert faults(client.post(f"/v1/days/{day}/close", {"channel": stranger.store.id})) == {"channel": "not_found"}
    incomplete = {"channel": shop.store.id, "override": {"operator": "Anna"}}
    assert faults(client.post(f"/v1/days/{day}/close", incomplete)) == {"override.reason": "required"}
    refusal(client.post(f"/v1/days/{day}/reopen", {"channel": shop.store.id, **WHY}), 409, "period_not_closed")


def test_it_takes_the_scope_of_reconciliation_and_the_whole_merchant(shop: Shop) -> None:
    path = f"/v1/days/{ago(shop, 1)}/close"
    reader = api(shop, "reconciliation:read")
    assert reader.get(path, channel=shop.store.id).status_code == 200
    refusal(reader.post(path, {"channel": shop.store.id}), 403, "scope_missing")
    refusal(api(shop, "payments:write").get(path, channel=shop.store.id), 403, "scope_missing")
    refusal(api(shop, channel=True).get(path), 403, "channel_not_allowed")


def command(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    refused = False
    try:
        call_command(*arguments, "--json", stdout=out)
    except CommandError:
        refused = True
    told: dict[str, Any] = json.loads(out.getvalue())
    return told | {"refused": refused}


def test_the_commands_close_and_show_what_stands_in_the_way(shop: Shop) -> None:
    day = ago(shop, 0).replace(day=1) - timedelta(days=3)
    gap = in_the_way(shop)
    failed = command("close_day", f"{day}", "--channel", shop.store.id)
    assert (failed["refused"], failed["status"]) == (True, "open")
    assert [check["check"] for check in failed["checklist"] if not check["passed"]] == ["shifts"]
    gap.delete()
    closed = command("close_day", f"{day}", "--channel", shop.store.id)
    assert (closed["refused"], closed["status"], closed["date"]) == (False, "closed", f"{day}")
    month = command("close_month", f"{day:%Y-%m}", "--merchant", shop.merchant.id)
    assert (month["status"], month["month"]) == ("closed", f"{day:%Y-%m}")
    assert command("close_day", f"{ago(shop, 0)}", "--channel", shop.store.id)["error"]["code"] == "day_not_over"
