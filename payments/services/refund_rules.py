"""Refund rules and reasons as the merchant's people set them: a new rule, its end, a new reason, its end."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction

from payments import audit_log
from payments.core.errors import Conflict, NotFound, wrong
from payments.models import Channel, Merchant, RefundReason, RefundRule
from payments.models.refund_rule import LIMITS
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval, User
from payments.people.services import approvals, gate
from payments.services import setting_notices
from payments.services.refunds.rules import iban_hash

Kind = RefundRule.Kind
_COLUMNS: Final = ("name", "kind", "role", "person_id", "channel_id", "amount", "beyond", "iban_hash", "iban_end")


def add_rule(
    merchant: Merchant,
    *,
    name: str,
    kind: str,
    role: str = "",
    person_id: str | None = None,
    channel: Channel | None = None,
    amount: int | None = None,
    beyond: str = "",
    iban: str = "",
    actor: Actor,
) -> RefundRule | Approval:
    """Add a rule; at a live merchant a second person is asked for it, and it then gets the id that the approval names.

    Raises:
        ValidationFailed: a limit without an amount, an account where none is blocked, another merchant's channel.
        Forbidden, Conflict: as `gate.check` and `gate.propose`.
    """
    gate.check(Action.CHANGE_REFUND_RULES, by=actor, merchant_id=merchant.id)
    _check(merchant, kind, channel, amount, beyond, iban)
    row = RefundRule(
        merchant=merchant,
        name=name,
        kind=kind,
        role=role,
        person_id=person_id,
        channel=channel,
        amount=amount,
        beyond=beyond,
        iban_hash=iban_hash(iban) if iban else "",
        iban_end=iban.replace(" ", "")[-4:] if iban else "",
    )
    with transaction.atomic():
        changes = {column: getattr(row, column) for column in _COLUMNS}
        if gate.waits(Action.CHANGE_REFUND_RULES, by=actor, merchant=merchant):
            return _propose(row, changes, actor=actor)
        _add(row, actor=name_of(actor), notified_by=actor)
    return row


def end_rule(rule: RefundRule, *, actor: Actor) -> Approval | None:
    """End a rule: it binds nobody any more; at a live merchant once a second person agrees.

    Raises:
        Conflict: `refund_rule_ended`; as `gate.propose`.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.CHANGE_REFUND_RULES, by=actor, merchant_id=rule.merchant_id)
    with transaction.atomic():
        held = _held(rule.id)
        if gate.waits(Action.CHANGE_REFUND_RULES, by=actor, merchant=held.merchant):
            return _propose(held, {"active": False}, actor=actor)
        _end(held, actor=name_of(actor), notified_by=actor)
    return None


def decide(rule_id: str, *, user: User, approved: bool, note: str) -> None:
    """Add or end a rule as requested, or do not.

    Raises:
        Conflict: `approval_not_open`, `refund_rule_ended`.
        Forbidden: as `approvals.decide`.
    """
    waiting = Approval.objects.filter(subject_id=rule_id, action=Action.CHANGE_REFUND_RULES, decision=None).first()
    if waiting is None:
        raise NotFound
    with transaction.atomic():
        merchant = Merchant.objects.select_for_update().get(id=waiting.merchant_id)
        approval = approvals.decide(
            subject_id=rule_id,
            action=Action.CHANGE_REFUND_RULES,
            user=user,
            approved=approved,
            note=note,
            alone_from=merchant.decides_alone_from,
        )
        if not approved:
            return
        if approval.payload["changes"] == {"active": False}:
            _end(_held(rule_id), actor=approval.requested_by, notified_by=user)
        else:
            row = RefundRule(id=rule_id, merchant=merchant, **approval.payload["changes"])
            _add(row, actor=approval.requested_by, notified_by=user)


def add_reason(merchant: Merchant, *, code: str, english: str, dutch: str, actor: Actor) -> RefundReason:
    """Add a reason to the merchant's list, or take one back into it that had left.

    Raises:
        Conflict: `refund_reason_exists`.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.CHANGE_SETTINGS, by=actor, merchant_id=merchant.id)
    row = RefundReason(merchant=merchant, code=code, english=english, dutch=dutch)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _log(row, "refund_reason.added", name_of(actor), {"code": code, "english": english, "dutch": dutch})
    except IntegrityError as error:
        if "refund_reason_once" not in str(error):
            raise
        raise Conflict("refund_reason_exists", "There is a reason with this code already. Use another code.") from None
    return row


def switch_reason(reason: RefundReason, *, actor: Actor) -> RefundReason:
    """Take a reason out of the list, or back into it; refunds that name it keep it.

    Raises:
        Forbidden: as `gate.check`.
    """
    gate.check(Action.CHANGE_SETTINGS, by=actor, merchant_id=reason.merchant_id)
    with transaction.atomic():
        held = RefundReason.objects.select_for_update().get(id=reason.id)
        held.active = not held.active
        held.save(update_fields=["active"])
        _log(held, "refund_reason.changed", name_of(actor), {"active": held.active})
    return held


def _check(merchant: Merchant, kind: str, channel: Channel | None, amount: int | None, beyond: str, iban: str) -> None:
    limit = kind in LIMITS
    if limit != (amount is not None) or limit != bool(beyond):
        raise wrong(
            "amount", "refund_rule_invalid", "A limit has an amount, and says what lies beyond; nothing else has."
        )
    if (kind == Kind.BLOCKED_IBAN) != bool(iban):
        raise wrong("iban", "refund_rule_invalid", "Name the account to be blocked, and of no other rule.")
    if channel is not None and channel.merchant_id != merchant.id:
        raise wrong("channel", "not_found", "There is no such channel of this merchant.")


def _held(rule_id: str) -> RefundRule:
    held = RefundRule.objects.select_for_update(of=("self",)).select_related("merchant").get(id=rule_id)
    if not held.active:
        raise Conflict("refund_rule_ended", "This rule has ended already.")
    return held


def _propose(row: RefundRule, changes: Mapping[str, Any], *, actor: Actor) -> Approval:
    return gate.propose(
        Action.CHANGE_REFUND_RULES,
        subject=row,
        by=actor,
        merchant_id=row.merchant_id,
        payload={"changes": dict(changes), "before": {}},
    )


def _add(row: RefundRule, *, actor: str, notified_by: Actor) -> None:
    row.save(force_insert=True)
    after = {column: getattr(row, column) for column in _COLUMNS if column != "iban_hash"}
    if row.amount is not None:
        after["amount"] = {"amount": row.amount, "currency": row.merchant.currency}
    _log(row, "refund_rule.added", actor, after)
    setting_notices.refund_rule_changed(row, by=notified_by)


def _end(row: RefundRule, *, actor: str, notified_by: Actor) -> None:
    row.active = False
    row.save(update_fields=["active"])
    _log(row, "refund_rule.ended", actor, {"active": False})
    setting_notices.refund_rule_changed(row, by=notified_by)


def _log(row: RefundRule | RefundReason, action: str, actor: str, after: Mapping[str, Any]) -> None:
    audit_log.write(actor=actor, action=action, subject=row, merchant_id=row.merchant_id, after=after)
