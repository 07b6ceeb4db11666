"""The verbs of notify, one subject a file."""
