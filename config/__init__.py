"""Wiring only: settings, servers, URLs, the Celery app."""
