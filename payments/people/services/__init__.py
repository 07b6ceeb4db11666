"""The verbs of people, one subject a file."""
