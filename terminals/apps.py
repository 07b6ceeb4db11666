"""The app's name and label, and what it registers with payments."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TerminalsConfig(AppConfig):
    name = "terminals"
    label = "terminals"
    verbose_name = _("Terminals")

    def ready(self) -> None:
        """Have a terminal found that a refund names, or the one that can be driven."""
        # Models can be imported only once every app is there.
        from payments import object_index  # noqa: PLC0415
        from terminals.models import Terminal  # noqa: PLC0415

        object_index.register("trm", Terminal.objects)
        object_index.register("trm_driven", Terminal.objects.filter(status="active", polled_at__isnull=False))
