"""What every test has: servers, a database of its own, and (below) the cast."""

import os
from collections.abc import Iterator

import django
import pytest
from django.conf import settings
from django.db import connections
from django.test import TransactionTestCase
from django.utils import translation

from tests import sql
from tests.fake_stripe.server import fake_stripe as fake_stripe
from tests.servers import Servers
from tests.simulator import receiver as receiver
from tests.simulator import simulator as simulator
from tests.stack import shop as shop
from tests.stack import stack as stack

# Before Django reads its settings: they take their addresses from the environment.
SERVERS = Servers()
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()
# A worker of xdist must not inherit this: it would read its settings before it comes here, and share our database.
del os.environ["DJANGO_SETTINGS_MODULE"]


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None) -> Iterator[None]:
    """Servers running, and a migrated database for this process."""
    with SERVERS.started(), pytest.MonkeyPatch.context() as patch:
        # Transactional tests end with what the migrations left; the application's own role could not do that.
        patch.setattr(
            TransactionTestCase, "_fixture_teardown", lambda case: sql.empty(os.environ["DATABASE_OWNER_URL"])
        )
        yield
        connections.close_all()


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    """No test speaks the language of the visitor before it."""
    with translation.override(settings.LANGUAGE_CODE):
        yield
