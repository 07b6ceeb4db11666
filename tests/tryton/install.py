"""Installs Tryton into an environment of its own: `python -m tests.tryton.install`. Without one the test is skipped.

Tryton is software of others under the GPL. It is never in our environment, nor part of Onetill: a test asks it in a
process of its own.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

HOME: Final = Path(os.environ.get("TRYTON_HOME") or Path.home() / ".cache" / "onetill" / "tryton-8.2")
PYTHON: Final = HOME / "bin" / "python"
PACKAGES: Final = (
    "trytond==8.2.1",
    "trytond-account-statement==8.2.0",
    "trytond-account-statement-mt940==8.2.0",
    "trytond-account-statement-sepa==8.2.0",
    "trytond-account-statement-rule==8.2.0",
    "proteus==8.2.0",
    "mt940==0.8.1",
)


def main() -> int:
    """Make the environment; 1 where that cannot be done."""
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", "import proteus, trytond"], check=False).returncode == 0:
        return 0
    venv.create(HOME, with_pip=True, clear=True)
    done = subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *PACKAGES], check=False)
    if done.returncode:
        print("Tryton cannot be installed: its test will be skipped.", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
