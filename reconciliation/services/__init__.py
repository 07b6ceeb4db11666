"""The verbs of reconciliation, one subject a file; the only writers."""
