#!/usr/bin/env python
"""The command line of Onetill."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) is not None:
            raise
        sys.exit(f"{error}\n\nThe database does not answer. {_what_to_do()}")


def _what_to_do() -> str:
    if settings.EMBEDDED_DATABASE:
        return f"Start the servers of ONETILL_HOME={settings.ONETILL_HOME} with make run, in another shell."
    return "See whether the server of DATABASE_URL runs."


if __name__ == "__main__":
    main()
