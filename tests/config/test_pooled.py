"""The pool hands out no connection that the server has ended, and asks it nothing while there is no reason to."""

import pytest
from django.conf import settings
from django.db import connection
from psycopg_pool import ConnectionPool

from config.pooled import Connection
from tests import sql

pytestmark = pytest.mark.django_db


def test_a_connection_that_was_ended_is_replaced() -> None:
    parameters = {**connection.get_connection_params(), "autocommit": True}
    with ConnectionPool(
        kwargs=parameters, min_size=1, max_size=1, connection_class=Connection, check=ConnectionPool.check_connection
    ) as pool:
        with pool.connection() as first:
            ended = first.info.backend_pid
        with pool.connection() as again:
            assert again.info.backend_pid == ended
        sql.disconnect(settings.DATABASE_URL, ended)
        with pool.connection() as other:
            assert other.execute("SELECT 1").fetchone() == (1,)
            assert other.info.backend_pid != ended


def test_a_living_connection_is_not_asked() -> None:
    parameters = connection.get_connection_params()
    with Connection.connect(**{**parameters, "autocommit": True}) as living:
        assert living.execute("").statusmessage is None
        assert living.execute("SELECT 1").statusmessage == "SELECT 1"
