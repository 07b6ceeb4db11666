"""Events are told if and only if what they tell of is committed, at a cost that does not grow with their number."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from payments.notify import queries
from payments.notify.models import Event, WebhookDelivery
from payments.notify.queries import Position
from payments.notify.services import endpoints
from payments.notify.services.emit import NewEvent, emit
from payments.notify.services.restart import restart_feed
from tests.notify.conftest import MERCHANT, OTHER_MERCHANT, STORE, WEBSHOP
from tests.simulator import eventually

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Any]


def test_an_event_leaves_with_its_transaction(endpoint: Make, happen: Make) -> None:
    endpoint()
    with transaction.atomic():
        happen()
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    assert not WebhookDelivery.objects.exists()


def test_a_word_that_is_not_in_the_contract_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="no event of the contract"):
        NewEvent(
            merchant_id=MERCHANT,
            channel_id=None,
            type="payment.stolen",
            object_type="payment",
            object_id="pay_1",
            data={"object": {}},
            test_mode=True,
        )


def test_nothing_to_tell_asks_the_database_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        emit([])


def test_many_events_cost_as_many_round_trips_as_one(endpoint: Make, happen: Make) -> None:
    for number in range(3):
        endpoint(f"/{number}")
    costs = []
    for count in (1, 2, 2000):
        with CaptureQueriesContext(connection) as statements, transaction.atomic():
            happen(count)
        costs.append(len([query for query in statements if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]))
    assert len(set(costs)) == 1, costs
    assert WebhookDelivery.objects.count() == 3 * 2003


def test_an_endpoint_deleted_meanwhile_does_not_undo_the_booking(endpoint: Make, happen: Make) -> None:
    new = endpoint()
    with transaction.atomic():
        happen()
        other = threading.Thread(target=_delete, args=[new.endpoint.id])
        other.start()
        other.join()
    assert Event.objects.count() == 1


def _delete(endpoint_id: str) -> None:
    endpoints.delete(endpoint_id=endpoint_id, merchant_id=MERCHANT, actor="k")
    connection.close()


def test_the_list_is_newest_first_and_a_tied_key_sees_its_channel(happen: Make) -> None:
    happen()
    happen(channel_id=STORE)
    happen(channel_id=None, type="payout.received")
    happen(merchant_id=OTHER_MERCHANT)

    listed = list(queries.events(merchant_id=MERCHANT))
    assert [event.channel_id for event in listed] == [None, STORE, WEBSHOP]
    assert [event.channel_id for event in queries.events(merchant_id=MERCHANT, channel_id=STORE)] == [STORE]


def test_a_reader_never_skips_a_slower_transaction(happen: Make) -> None:
    """The slow one takes its ids first and commits last; whoever reads in between must find it afterwards."""
    began, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            happen()
            began.set()
            may_end.wait(30)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    began.wait(60)
    happen()
    start = Position(0, "")
    assert Event.objects.count() == 1
    assert queries.after(start, merchant_ids=[MERCHANT]) == []
    may_end.set()
    thread.join()

    # Another transaction anywhere on the server may hold the feed back for a moment.
    read = eventually(lambda: _all(queries.after(start, merchant_ids=[MERCHANT])))
    assert read == sorted(read, key=lambda event: (event.xid, event.id))
    where = queries.position_of(event_id=read[0].id, merchant_id=MERCHANT)
    assert queries.after(where, merchant_ids=[MERCHANT]) == read[1:]
    assert queries.after(start, merchant_ids=[MERCHANT], limit=1) == read[:1]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_after_a_restore_the_feed_goes_on_behind_what_was_there(happen: Make) -> None:
    """On another server transaction ids begin anew: what was written before has ids of a far future."""
    happen(3)
    Event.objects.using("owner").update(xid=10**15)
    last = queries.events(merchant_id=MERCHANT)[0]
    assert restart_feed(using="owner") == 3
    happen()

    where = queries.position_of(event_id=last.id, merchant_id=MERCHANT)
    read = eventually(lambda: queries.after(where, merchant_ids=[MERCHANT]))
    assert [event.id for event in read] == [queries.events(merchant_id=MERCHANT)[0].id]
    everything = queries.after(Position(0, ""), merchant_ids=[MERCHANT])
    assert [event.id for event in everything] == sorted(event.id for event in everything)


def _all(read: list[Event]) -> list[Event]:
    return read if len(read) == Event.objects.count() else []
