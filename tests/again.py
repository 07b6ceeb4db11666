"""Try what failed once more, alone, and name it: `make test` runs this after a run that was not clean.

On a busy machine a clock may fail a test; a fault fails it twice. What passed only when tried again is named at the end,
because it says that something waits too little.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
FAILED: Final = PROJECT / ".pytest_cache" / "v" / "cache" / "lastfailed"


def failed() -> list[str]:
    """The tests that failed in the run before, as pytest noted them."""
    return sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []


def main() -> int:
    """Run them again; 0 where all pass now."""
    first = failed()
    if not first:
        print("The run broke off before a test could fail; see above.")
        return 1
    command = [sys.executable, "-m", "pytest", "--last-failed", "--last-failed-no-failures", "none"]
    status = subprocess.run(command, cwd=PROJECT, check=False).returncode
    still = set(failed())
    mended = [name for name in first if name not in still]
    if mended:
        print(f"\n{len(mended)} failed at first and passed when tried again alone:")
        print("".join(f"  {name}\n" for name in mended), end="")
    return status


if __name__ == "__main__":
    sys.exit(main())
