"""The SQL statements of reconciliation, by subject."""
