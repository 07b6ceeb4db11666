"""The table of sensitive actions: who may, with which proof, and when another person has to approve."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from payments.people.models import Approval
from payments.people.permissions import May

Action = Approval.Action


class SecondPerson(StrEnum):
    """When another person has to approve before anything happens."""

    NEVER = "never"
    LIVE = "live"  # at a live merchant; a test merchant tries its settings out freely
    ABOVE_LIMIT = "above_limit"  # where the merchant has a limit (`second_person_above`) and this is above it
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one action takes. `scope` is a key's, None: no key ever does it. `decides` is the second person's."""

    needs: May
    decides: May
    scope: str | None = None
    fresh_factor: bool = True
    second_person: SecondPerson = SecondPerson.NEVER


def _settings(
    *, scope: str | None = "accounts:write", fresh_factor: bool = True, second_person: SecondPerson = SecondPerson.NEVER
) -> Rule:
    return Rule(
        needs=May.MANAGE_SETTINGS,
        decides=May.APPROVE_SETTINGS,
        scope=scope,
        fresh_factor=fresh_factor,
        second_person=second_person,
    )


def _keys() -> Rule:
    return Rule(needs=May.MANAGE_KEYS, decides=May.APPROVE_SETTINGS)


def _users(second_person: SecondPerson = SecondPerson.NEVER) -> Rule:
    return Rule(needs=May.MANAGE_USERS, decides=May.APPROVE_SETTINGS, second_person=second_person)


def _correction(second_person: SecondPerson = SecondPerson.ABOVE_LIMIT) -> Rule:
    return Rule(
        needs=May.RESOLVE,
        decides=May.APPROVE_CORRECTIONS,
        scope="reconciliation:write",
        fresh_factor=False,  # of the requester; the approver always proves one
        second_person=second_person,
    )


RULES: Final[dict[Action, Rule]] = {
    Action.REFUND: Rule(
        needs=May.REFUND,
        decides=May.APPROVE_REFUNDS,
        scope="refunds:write",
        fresh_factor=False,
        second_person=SecondPerson.ABOVE_LIMIT,
    ),
    Action.RELEASE_TRANSFER: Rule(
        needs=May.RELEASE_TRANSFERS, decides=May.RELEASE_TRANSFERS, second_person=SecondPerson.ALWAYS
    ),
    Action.RELEASE_BATCH: Rule(
        needs=May.RELEASE_TRANSFERS, decides=May.RELEASE_TRANSFERS, second_person=SecondPerson.ALWAYS
    ),
    Action.ISSUE_VOUCHER: Rule(needs=May.APPROVE_REFUNDS, decides=May.APPROVE_REFUNDS),
    Action.WRITE_OFF: _correction(SecondPerson.ALWAYS),
    Action.FORCED_MATCH: _correction(SecondPerson.ALWAYS),
    Action.BOOK_FEE: _correction(),
    Action.SUSPENSE: _correction(),
    Action.ACCEPT: _correction(),
    Action.UNDO_RESOLUTION: _correction(),
    Action.CLOSE_PERIOD: _correction(SecondPerson.NEVER),
    Action.OVERRIDE_CLOSE: _correction(SecondPerson.ALWAYS),
    Action.REOPEN_PERIOD: _correction(SecondPerson.ALWAYS),
    Action.CHANGE_SETTINGS: _settings(fresh_factor=False),
    Action.CHANGE_MONEY_RULES: _settings(second_person=SecondPerson.LIVE),
    Action.CHANGE_REFUND_RULES: _settings(scope=None, second_person=SecondPerson.LIVE),
    Action.DECIDE_ALONE: _settings(scope=None, second_person=SecondPerson.LIVE),
    Action.ADD_PROVIDER_ACCOUNT: _settings(second_person=SecondPerson.LIVE),
    Action.CHANGE_PROVIDER_ACCOUNT: _settings(),
    Action.CHANGE_PAYOUT: _settings(second_person=SecondPerson.LIVE),
    # What is tolerated is booked without a person.
    Action.CHANGE_MATCHING_RULES: _settings(scope=None, second_person=SecondPerson.LIVE),
    # The credentials decide to whom the books are sent.
    Action.ADD_CONNECTOR: _settings(scope="reconciliation:write", second_person=SecondPerson.LIVE),
    Action.CHANGE_CONNECTOR: _settings(scope="reconciliation:write", second_person=SecondPerson.LIVE),
    Action.MAKE_KEY: _keys(),
    Action.ROLL_KEY: _keys(),
    Action.REVOKE_KEY: _keys(),
    Action.CHANGE_USER: _users(),
    Action.CHANGE_ROLES: _users(),
    Action.TAKE_SECOND_FACTOR: _users(SecondPerson.ALWAYS),
}
