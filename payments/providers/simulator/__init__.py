"""A payment provider for tests and demonstrations: a process of its own, called over HTTP, that can be made to fail."""
