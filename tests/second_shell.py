"""A second shell beside an installation: its commands in one process, for each start of Django takes seconds.

It reads the words of one command a line, as JSON, and answers with one object: what it said, or why it could not.
"""

import json
import sys
import traceback
from io import StringIO
from typing import Any

import django
from django.core.management import call_command
from django.db import connections


def main() -> None:
    django.setup()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def answer(words: list[str]) -> dict[str, Any]:
    """Run one command, on connections of its own: a server may have been killed since the last one."""
    out = StringIO()
    try:
        call_command(*words, "--json", stdout=out)
        return {"said": json.loads(out.getvalue())}
    except Exception:  # noqa: BLE001 (whoever asked tells)
        return {"failed": traceback.format_exc() + out.getvalue()}
    finally:
        connections.close_all()


if __name__ == "__main__":
    main()
