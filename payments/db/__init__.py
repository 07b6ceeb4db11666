"""What we add to Django's database layer: fields, compiled queries, bulk writes, rights."""
