"""The REST API of terminals: what back offices ask, and what devices post."""
