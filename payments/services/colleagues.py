"""Colleagues: invite them, give and take roles, close an account, recover one whose device is lost."""

from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from payments import audit_log
from payments.core.errors import Conflict, Forbidden, Invalid, NotFound
from payments.models import Channel, Merchant
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval, OneTimeLink, Role, SignIn, User
from payments.people.permissions import GRANTS, May, may, only_looks
from payments.people.services import approvals, gate, notices, one_time_links, second_factors, sign_ins
from payments.people.services.notices import Notice
from payments.people.services.one_time_links import NewLink

LEAST_FIRST: Final = (
    Role.Name.SERVICE,
    Role.Name.CLERK,
    Role.Name.STORE_MANAGER,
    Role.Name.FINANCE,
    Role.Name.CONTROLLER,
    Role.Name.DEVELOPER,
    Role.Name.AUDITOR,
    Role.Name.OWNER,
)
_INVITATION: Final = OneTimeLink.Purpose.INVITATION
_RECOVERY: Final = OneTimeLink.Purpose.RECOVERY


def invite(
    *, address: str, merchant_id: str, channel_id: str | None, role: Role.Name, by: Actor, name: str = ""
) -> NewLink:
    """Make an account with one role and send its person the link by which they join.

    Raises:
        Forbidden: as `give_role`.
        Invalid: `email_invalid`; `channel_not_found`, where it is not the merchant's.
        Conflict: `user_exists`: give that person the role instead.
    """
    gate.check(Action.CHANGE_ROLES, by=by, merchant_id=merchant_id)
    _require_may_give(by, role, merchant_id, channel_id)
    with transaction.atomic():
        user = new_user(address=address, name=name, by=by, merchant_id=merchant_id)
        Role.objects.create(user=user, merchant_id=merchant_id, channel_id=channel_id, role=role)
        _note_roles(user, "user.role_given", by=by, merchant_id=merchant_id)
        return one_time_links.issue(user, _INVITATION, actor=name_of(by), by=_called(by))


def new_user(
    *, address: str, name: str = "", is_superuser: bool = False, by: Actor, merchant_id: str | None = None
) -> User:
    """Make an account that nobody can sign in to before its link is used.

    Raises:
        Invalid: `email_invalid`.
        Conflict: `user_exists`.
    """
    address = address.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid("email_invalid", "This is no e-mail address.", param="email") from None
    first, _, last = " ".join(name.split()).partition(" ")
    user = User(username=address, email=address, first_name=first[:150], last_name=last[:150])
    user.is_staff, user.is_superuser = True, is_superuser
    # Only the link's reader chooses a password; nobody knows one before.
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise Conflict("user_exists", "Somebody has an account with this address. Give that person the role.") from None
    audit_log.write(actor=name_of(by), action="user.invited", subject=user, merchant_id=merchant_id)
    return user


def give_role(user: User, *, merchant_id: str, channel_id: str | None, role: Role.Name, by: Actor) -> None:
    """Give a person a role at a merchant, or in one channel of it; their sign-ins end.

    Raises:
        Forbidden: `own_roles`; `role_beyond_own`, where it allows what the giver may not do there; as the gate says.
        Invalid: `channel_not_found`.
        Conflict: `role_held`.
    """
    gate.check(Action.CHANGE_ROLES, by=by, merchant_id=merchant_id)
    _refuse_own(user, by)
    _require_may_give(by, role, merchant_id, channel_id)
    with transaction.atomic():
        try:
            with transaction.atomic():
                Role.objects.create(user=user, merchant_id=merchant_id, channel_id=channel_id, role=role)
        except IntegrityError:
            raise Conflict("role_held", "This person has this role there already.") from None
        _roles_changed(user, "user.role_given", by=by, merchant_id=merchant_id)
        # A password alone is not enough from now on; who has none signs in at the counter alone.
        if user.is_staff and not only_looks(user) and not second_factors.has_one(user):
            one_time_links.issue(user, _INVITATION, actor=name_of(by), by=_called(by))


def take_role(user: User, *, role_id: int, by: Actor) -> None:
    """Take a role away; the person's sign-ins end.

    Raises:
        Forbidden: as `give_role`.
        NotFound: the person has no such role.
    """
    row = Role.objects.filter(id=role_id, user=user).first()
    if row is None:
        raise NotFound
    # The merchant is the role's, whatever page the request came from. Not within the transaction below, which would
    # take the note of a refusal back.
    gate.check(Action.CHANGE_ROLES, by=by, merchant_id=row.merchant_id)
    _refuse_own(user, by)
    _require_may_give(by, Role.Name(row.role), row.merchant_id, row.channel_id)
    with transaction.atomic():
        gone, _ = Role.objects.filter(id=role_id, user=user).delete()
        if not gone:  # taken by somebody else at the same moment
            raise NotFound
        _roles_changed(user, "user.role_taken", by=by, merchant_id=row.merchant_id)


def set_open(user: User, *, is_open: bool, merchant_id: str | None, by: Actor) -> None:
    """Close an account, so that its person is nobody here, or open it again.

    Raises:
        Forbidden: `own_roles`; `not_managed`, where the person has a role that the closer could not give.
    """
    _require_manages(user, Action.CHANGE_USER, merchant_id=merchant_id, by=by)
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=is_open)
        if not is_open:
            sign_ins.end(user, SignIn.Ended.BY_MANAGER, actor=name_of(by))
            one_time_links.revoke(user)
        action = "user.opened" if is_open else "user.closed"
        audit_log.write(actor=name_of(by), action=action, subject=user, merchant_id=merchant_id)
        notices.send([user], Notice.ACCOUNT_CHANGED, about=user, merchant_id=None, by=by, what=user.username)


def end_sign_ins(user: User, *, merchant_id: str | None, by: Actor) -> int:
    """Sign a colleague out everywhere; return from how many browsers."""
    gate.check(Action.CHANGE_USER, by=by, merchant_id=merchant_id)
    return sign_ins.end(user, SignIn.Ended.BY_MANAGER, actor=name_of(by))


def invite_again(user: User, *, merchant_id: str | None, by: Actor) -> NewLink:
    """Send another link to a colleague who has not joined yet; the earlier one works no more.

    Raises:
        Conflict: `has_joined`: recover the account instead; `email_missing`, of who signs in at the counter alone.
        Forbidden: as `set_open`.
    """
    _require_manages(user, Action.CHANGE_USER, merchant_id=merchant_id, by=by)
    if not user.is_staff:
        detail = "This person signs in at the counter alone, by a code. Invite them by their e-mail address."
        raise Conflict("email_missing", detail)
    if has_joined(user):
        raise Conflict("has_joined", "This person has joined. Who lost the device or the password is recovered.")
    return one_time_links.issue(user, _INVITATION, actor=name_of(by), by=_called(by))


def has_joined(user: User) -> bool:
    """Tell whether this person has all that signing in takes."""
    return user.has_usable_password() and (only_looks(user) or second_factors.has_one(user))


def ask_recovery(user: User, *, merchant_id: str | None, by: Actor) -> Approval:
    """Request a link for a colleague who lost their second factor; a second person has to approve it.

    Raises:
        Forbidden: as `set_open`.
        Conflict: `approval_waiting`; `email_missing`, where the link could be sent nowhere.
    """
    _require_manages(user, Action.TAKE_SECOND_FACTOR, merchant_id=merchant_id, by=by)
    if not user.email:
        raise Conflict("email_missing", "This account has no e-mail address. A command on the server recovers it.")
    with transaction.atomic():
        row = gate.propose(Action.TAKE_SECOND_FACTOR, subject=user, by=by, merchant_id=merchant_id)
        audit_log.write(actor=name_of(by), action="user.recovery_asked", subject=user, merchant_id=merchant_id)
        notices.send([user], Notice.SECOND_FACTOR_REQUESTED, about=user, merchant_id=None, by=by, what=user.username)
    return row


def decide_recovery(subject_id: str, *, user: User, approved: bool, note: str) -> None:
    """Agree that a colleague is recovered, or do not (the approvals' page calls this).

    The link goes to that colleague's own address: neither the requester nor the approver sees it.

    Raises:
        Forbidden: `own_roles`, one's own account; `not_managed`; as `approvals.decide`.
    """
    with transaction.atomic():
        subject = User.objects.select_for_update().get(pk=subject_id)
        if approved:
            _refuse_own(subject, user)
            _require_may_manage(subject, user)
        row = approvals.decide(
            subject_id=subject_id, action=Action.TAKE_SECOND_FACTOR, user=user, approved=approved, note=note
        )
        if approved:
            sign_ins.end(subject, SignIn.Ended.FACTOR, actor=user.id)
            audit_log.write(actor=user.id, action="user.recovery_agreed", subject=subject, merchant_id=row.merchant_id)
            one_time_links.issue(subject, _RECOVERY, actor=row.requested_by, agreed_by=user.id)


def may_give(by: Actor, role: Role.Name, merchant_id: str, channel_id: str | None) -> bool:
    """Tell whether every thing that this role allows is allowed to its giver there."""
    if isinstance(by, User):
        wanted = GRANTS[role] | {May.MANAGE_USERS}
        return all(may(by, what, merchant_id=merchant_id, channel_id=channel_id) for what in wanted)
    return isinstance(by, str)


def may_manage(user: User, by: Actor) -> bool:
    """Tell whether `by` could have given this person all they have."""
    if not isinstance(by, User) or by.is_superuser:
        return not isinstance(by, User) or by.is_active
    return not user.is_superuser and all(
        may_give(by, Role.Name(row.role), row.merchant_id, row.channel_id) for row in user.roles.all()
    )


def _require_may_give(by: Actor, role: Role.Name, merchant_id: str, channel_id: str | None) -> None:
    places = Merchant.objects.filter(id=merchant_id)
    if not places.exists() or (channel_id and not Channel.objects.filter(id=channel_id, merchant__in=places).exists()):
        raise Invalid("channel_not_found", "This merchant has no such channel.", param="channel")
    if not may_give(by, role, merchant_id, channel_id):
        raise Forbidden("role_beyond_own", "This role allows what you may not do there yourself. Ask an owner.")


def _require_manages(user: User, action: Action, *, merchant_id: str | None, by: Actor) -> None:
    gate.check(action, by=by, merchant_id=merchant_id)
    _refuse_own(user, by)
    _require_may_manage(user, by)


def _require_may_manage(user: User, by: Actor) -> None:
    if not may_manage(user, by):
        raise Forbidden("not_managed", "This person has a role that you could not give. Ask someone who could.")


def _refuse_own(user: User, by: Actor) -> None:
    if isinstance(by, User) and by.pk == user.pk:
        raise Forbidden("own_roles", "Nobody changes their own account's roles. Ask a colleague.")


def _roles_changed(user: User, action: str, *, by: Actor, merchant_id: str) -> None:
    sign_ins.end(user, SignIn.Ended.ROLE, actor=name_of(by))
    _note_roles(user, action, by=by, merchant_id=merchant_id)
    what = ", ".join(str(row.get_role_display()) for row in user.roles.order_by("id")) or "–"
    notices.send([user], Notice.ROLES_CHANGED, about=user, merchant_id=None, by=by, what=what)


def _note_roles(user: User, action: str, *, by: Actor, merchant_id: str) -> None:
    after = {"roles": [str(row) for row in user.roles.order_by("id")]}
    audit_log.write(actor=name_of(by), action=action, subject=user, merchant_id=merchant_id, after=after)


def _called(by: Actor) -> str:
    return by.get_full_name() or by.get_username() if isinstance(by, User) else ""
