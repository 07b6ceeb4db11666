"""What people remembers, one subject a file."""

from payments.audit_log.models import AuditLog
from payments.people.models.api_key import ApiKey
from payments.people.models.approval import Approval
from payments.people.models.customer import Customer
from payments.people.models.list_use import ListColumns, ListFile, SavedView
from payments.people.models.one_time_link import OneTimeLink
from payments.people.models.passkey import Passkey
from payments.people.models.role import Role
from payments.people.models.second_factor import RecoveryCode, SecondFactor
from payments.people.models.sign_in import SignIn
from payments.people.models.user import User

__all__ = [
    "ApiKey",
    "Approval",
    "AuditLog",
    "Customer",
    "ListColumns",
    "ListFile",
    "OneTimeLink",
    "Passkey",
    "RecoveryCode",
    "Role",
    "SavedView",
    "SecondFactor",
    "SignIn",
    "User",
]
