"""A device says that it is there."""

from datetime import datetime

from payments.db import bulk
from terminals.models import Terminal


def check_in(
    terminal: Terminal,
    *,
    firmware: str | None = None,
    queue_depth: int | None = None,
    battery: int | None = None,
    now: datetime,
) -> list[bulk.Part]:
    """Set when a terminal was last seen and what it reports of itself; the caller holds its lock, and writes it."""
    terminal.last_seen_at = now
    terminal.firmware = firmware if firmware is not None else terminal.firmware
    terminal.queue_depth = queue_depth if queue_depth is not None else terminal.queue_depth
    terminal.battery = battery if battery is not None else terminal.battery
    # Returned, not written: the caller sends it in one statement with everything else.
    return bulk.change([terminal], ["last_seen_at", "firmware", "queue_depth", "battery"])
