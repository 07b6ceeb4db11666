"""What `make coverage` measures, kept in time."""

import coverage


def pytest_sessionfinish() -> None:
    """Write down what was measured so far.

    At exit would be too late: xdist kills a worker ten seconds after its last test, and stopping the servers takes longer
    on a busy machine. Half of what the tests reach was counted as not reached.
    """
    measured = coverage.Coverage.current()
    if measured is not None:
        measured.save()
