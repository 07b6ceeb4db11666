"""A shop, its store, Anna who works there, and the tablet on the counter."""

import pytest

from payments.people.models import User
from tests.builders import Shop, open_shop
from tests.counter.cast import Tablet, pair_tablet, signed_in, staff


@pytest.fixture
def shop(db: None) -> Shop:
    return open_shop()


@pytest.fixture
def anna(shop: Shop) -> User:
    """A clerk of the store."""
    return staff("anna", shop.store)


@pytest.fixture
def tablet(shop: Shop, anna: User) -> Tablet:
    """Paired, and nobody is signed in."""
    return pair_tablet(shop.store)


@pytest.fixture
def at_counter(shop: Shop, anna: User) -> Tablet:
    """Anna is signed in."""
    return signed_in(shop.store, anna)
