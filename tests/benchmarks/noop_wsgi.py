"""`noop` as a WSGI application: our own settings and middleware, with nothing but that view behind them."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
settings.ROOT_URLCONF = "tests.benchmarks.noop"
application = get_wsgi_application()
