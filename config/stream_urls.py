"""What the streaming process serves: long polls and event streams, as async views."""

from django.urls import path

from config.observability import health
from payments.api import event_stream

urlpatterns = [
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("v1/events/stream", event_stream.stream),
]
