"""The bank's side: statements and their lines."""
