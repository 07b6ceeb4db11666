"""The app's name and label, and which admin site is ours."""

from django.apps import AppConfig
from django.contrib.admin import apps


class ConfigConfig(AppConfig):
    default = True
    name = "config"
    label = "config"
    verbose_name = "Onetill"


class AdminConfig(apps.AdminConfig):
    default = False
    default_site = "config.site.Site"
