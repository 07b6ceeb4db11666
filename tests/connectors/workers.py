"""Workers in processes of their own, which can be killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from tests.simulator import PROJECT

_WORK = """
import json, sys, django
django.setup()
from django.conf import settings
settings.CONNECTOR_ADDRESSES = json.loads(sys.argv[1])
from reconciliation.services.send_documents import send
print(send(sys.argv[2]), flush=True)
"""


@contextmanager
def worker(connector_id: str) -> Iterator["subprocess.Popen[str]"]:
    """A worker that sends what is due of a connector; ended with the block, however it stands."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": settings.DATABASE_URL}
    command = [sys.executable, "-c", _WORK, json.dumps(settings.CONNECTOR_ADDRESSES), connector_id]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
