"""The URLs of the web process."""

from django.contrib import admin
from django.urls import include, path

from config.observability import health

urlpatterns = [
    path("", include("terminals.api.urls")),  # first, as devices send most requests and patterns are tried in order
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", health.metrics),
    path("admin/", include("payments.people.urls")),
    path("admin/", include("payments.admin.urls")),
    path("admin/", admin.site.urls),
    path("counter/", include("terminals.counter.urls")),
    path("", include("payments.checkout.urls")),
    path("", include("payments.api.urls")),
    path("", include("reconciliation.api.urls")),
]
