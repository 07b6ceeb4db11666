"""What waits at the broker for a worker."""

from django.conf import settings

from config.observability import heartbeat


def waiting(queue: str = "realtime") -> int:
    """How many tasks stand in a queue."""
    with heartbeat.broker() as client:
        return int(client.llen(f"{settings.REDIS_PREFIX}{queue}"))
