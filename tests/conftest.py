"""What every test has: servers, a database of its own, and (below) the cast."""

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import django
import hypothesis
import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import TransactionTestCase
from django.utils import translation

from tests import once, sharing, sql
from tests.fake_adyen.server import adyen_of_stack as adyen_of_stack
from tests.fake_adyen.server import fake_adyen as fake_adyen
from tests.fake_mollie.server import fake_mollie as fake_mollie
from tests.fake_paynl.server import fake_paynl as fake_paynl
from tests.fake_stripe.server import fake_stripe as fake_stripe
from tests.fake_stripe.server import stripe_of_stack as stripe_of_stack
from tests.measuring import pytest_sessionfinish as pytest_sessionfinish
from tests.servers import Servers
from tests.simulator import receiver as receiver
from tests.simulator import simulator as simulator
from tests.stack import resting, waking
from tests.stack import shop as shop
from tests.stack import stack as stack

# Before Django reads its settings: they take their addresses from the environment.
SERVERS = Servers()
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()
# A worker of xdist must not inherit this: it would read its settings before it comes here, and share our database.
del os.environ["DJANGO_SETTINGS_MODULE"]
# Tests start a hundred processes; images for containers set this, and each would compile the whole project again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
once.find_static_files()


# A day ends on the clocks of the shops, and on the one of everything inside.
MIDNIGHTS = (ZoneInfo("Europe/Amsterdam"), UTC)
LONGEST_TEST_ABOUT_TODAY = timedelta(seconds=15)


def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis tries the same every time, unless it is given a seed; a slow machine is no failure."""
    seeded = config.getoption("hypothesisseed", None) is not None
    hypothesis.settings.register_profile("onetill", derandomize=not seeded, database=None, deadline=None)
    hypothesis.settings.load_profile("onetill")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that use the installation come first and together."""
    items.sort(key=lambda item: sharing.turn(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With `-n`, each file is run by one process, and all that uses the installation by one too."""
    return sharing.scheduler(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Whoever asks for the installation finds it running."""
    if sharing.uses_installation(item.nodeid):
        waking()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The installation rests while nobody asks for it: its sweeps would take time from the others."""
    if nextitem is not None and not sharing.uses_installation(nextitem.nodeid):
        resting()


@pytest.fixture(autouse=True)
def _today() -> None:
    """No day ends while a test speaks of today."""
    now = datetime.now(UTC)
    if any(
        (now + LONGEST_TEST_ABOUT_TODAY).astimezone(zone).date() != now.astimezone(zone).date() for zone in MIDNIGHTS
    ):
        time.sleep(LONGEST_TEST_ABOUT_TODAY.total_seconds())


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None) -> Iterator[None]:
    """Servers running, and a migrated database for this process."""
    with SERVERS.started(), pytest.MonkeyPatch.context() as patch:
        # Transactional tests end with what the migrations left; the application's own role could not do that.
        patch.setattr(
            TransactionTestCase, "_fixture_teardown", lambda case: sql.empty(os.environ["DATABASE_OWNER_URL"])
        )
        # The next one goes on in the same session, which knows the tables by then, unless something failed in it.
        patch.setattr(TransactionTestCase, "_should_reload_connections", lambda case: connection.errors_occurred)
        yield
        connections.close_all()


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    """No test speaks the language of the visitor before it."""
    with translation.override(settings.LANGUAGE_CODE):
        yield
