"""What the streaming process serves: long polls and event streams, as async views."""

from django.urls import path

from config.observability import health
from payments.admin.finance import live_stream
from payments.api import event_stream
from terminals.api import stream as terminal_stream
from terminals.counter import stream as counter_stream

urlpatterns = [
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("v1/events/stream", event_stream.stream),
    path("counter/watch/<str:action_id>", counter_stream.watch),
    path("v1/terminal/actions", terminal_stream.poll),
    path("v1/terminals/<str:terminal_id>/actions/<str:action_id>", terminal_stream.watch),
    path("admin/live/stream", live_stream.stream),
]
