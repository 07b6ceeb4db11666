"""Polls and streams (`config.stream_urls`), in a process of their own so that they never hold a worker."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["STREAMS"] = "1"

application = get_asgi_application()
