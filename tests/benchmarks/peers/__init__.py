"""Scripts that post the documented way of other ledgers; each runs in a virtual environment of its own."""
