"""`python -m tests.ledger.examples` writes `payments/ledger/EXAMPLES.md` anew, from what the services book today."""

import os
import sys

import pytest

from tests.ledger.examples import WRITE

if __name__ == "__main__":
    os.environ[WRITE] = "1"
    sys.exit(pytest.main(["-q", "tests/ledger/test_examples.py"]))
