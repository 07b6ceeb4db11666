"""The audit log only grows, whoever tries."""

import os

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from payments import audit_log
from payments.people.models import AuditLog, User

pytestmark = pytest.mark.django_db(transaction=True)

TRIES = ["UPDATE people_auditlog SET actor = 'nobody'", "DELETE FROM people_auditlog", "TRUNCATE people_auditlog"]


@pytest.fixture
def entry() -> AuditLog:
    user = User.objects.create_user("ada")
    audit_log.write(actor="system", action="user.renamed", subject=user, merchant_id=None, before={"name": "a"})
    return AuditLog.objects.get()


@pytest.mark.parametrize("statement", TRIES)
def test_the_application_lacks_the_right(entry: AuditLog, statement: str) -> None:
    with pytest.raises(DatabaseError, match=r"permission denied|only grows"), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditLog.objects.get() == entry


@pytest.mark.parametrize("statement", TRIES)
def test_the_owner_is_stopped_by_the_guard(entry: AuditLog, statement: str) -> None:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        with pytest.raises(psycopg.errors.RestrictViolation, match="only grows"):
            owner.execute(statement)
        owner.rollback()
    assert AuditLog.objects.get() == entry


def test_a_card_number_is_masked_before_it_is_written() -> None:
    user = User.objects.create_user("ada")
    details = {"note": "paid with 4111 1111 1111 1111", "list": [{"4111111111111111": 1}]}
    audit_log.write(actor="system", action="x", subject=user, merchant_id=None, after=details)
    after = AuditLog.objects.get().after
    assert after == {"note": "paid with **** **** **** 1111", "list": [{"************1111": 1}]}


def test_a_deed_undone_is_no_deed() -> None:
    user = User.objects.create_user("ada")
    with transaction.atomic():
        audit_log.write(actor="system", action="x", subject=user, merchant_id=None)
        transaction.set_rollback(True)
    assert not AuditLog.objects.exists()
