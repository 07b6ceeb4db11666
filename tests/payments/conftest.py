"""After every test of payments the books are proven, whatever the test did."""

from collections.abc import Iterator

import pytest

from payments import audit


@pytest.fixture(autouse=True)
def books_hold(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever the test did to the database, each deed is booked and each open item can be explained."""
    marker = request.node.get_closest_marker("django_db")
    if marker is not None:
        request.getfixturevalue("transactional_db" if marker.kwargs.get("transaction") else "db")
    yield
    if marker is not None:
        assert list(audit.check()) == []
