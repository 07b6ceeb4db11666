"""A process starts without what few processes use: each command, worker and web process would pay for it."""

import json
import subprocess
import sys

from tests.stack import PROJECT

# Writes PDFs, and measures their letters; puts files onto servers; judges passwords; asks a provider; reads workbooks.
SELDOM = ("asyncssh", "fontTools", "fpdf", "openpyxl", "stripe", "zxcvbn")
LOADED = """
import json, sys
from django.urls import get_resolver
get_resolver().url_patterns
print(json.dumps(sorted(sys.modules)))
"""


def test_what_few_processes_use_is_loaded_where_it_is_used() -> None:
    """With all URLs, which bring the admin and the API."""
    command = [sys.executable, "-W", "ignore", str(PROJECT / "manage.py"), "shell", "-v0", "-c", LOADED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert {"payments.api.urls", "payments.admin.finance.dashboard"} <= loaded  # it has looked
    assert [name for name in SELDOM if name in loaded] == []
