"""Bank transfers of refunds in one file: prepared, released by a second person, fetched once, seen at the bank."""
