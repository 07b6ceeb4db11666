"""The REST API: reads input, calls services and queries, shapes answers."""
