"""A payment provider for tests and demonstrations: a process of its own, asked over HTTP, that can be made to fail."""
