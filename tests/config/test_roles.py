"""The application signs in as a role that may use the tables and not change them."""

import pytest
from django.db import ProgrammingError, connection

from payments.people.models import User


@pytest.mark.django_db
def test_the_application_reads_and_writes() -> None:
    User.objects.create_user("ada")
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_the_application_cannot_change_tables() -> None:
    with pytest.raises(ProgrammingError, match="must be owner"), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE people_user ADD COLUMN x int")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_a_committed_row_is_gone_for_the_next_test(turn: int) -> None:
    assert User.objects.count() == 0
    User.objects.create_user("ada")
