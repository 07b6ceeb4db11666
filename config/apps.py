"""The app's name and label, and which admin site is ours."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin import apps


class ConfigConfig(AppConfig):
    default = True
    name = "config"
    label = "config"
    verbose_name = "Onetill"

    def ready(self) -> None:
        """Have tasks enqueue through our Celery app.

        Celery's usual place for this is the package itself, but then the sandbox, which has no use for Django,
        loads it too.
        """
        import_module("config.celery")


class AdminConfig(apps.AdminConfig):
    default = False
    default_site = "config.site.Site"
