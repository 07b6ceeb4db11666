"""A live demo day: `--prepare` creates its users and devices, without it its customers buy."""

import json
import logging
import random
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser

from config import env
from config.sandbox.demo import asking, counter
from config.sandbox.demo import cast as casting
from config.sandbox.demo.closing import BackOffice
from config.sandbox.demo.traffic import Counter, ReturnsDesk, Webshop

logger: Final = logging.getLogger(__name__)
TROUBLED: Final = 3.0  # seconds to wait after a fault, as when a server restarts


class Command(BaseCommand):
    help = "Send the traffic of a live day to the servers that run here."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--prepare", action="store_true", help="make the demo's merchant and devices, and stop")
        parser.add_argument("--json", action="store_true", help="print the cast as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        cast = casting.prepare()
        if options["json"]:
            shown: dict[str, Any] = {"channel": cast.channel, "store": cast.store, "pay_url": asking.shown(cast)}
            shown |= {"counter": counter.shown(cast)}
            self.stdout.write(json.dumps({**asdict(cast), **shown}))
        if not options["prepare"]:
            self._run(cast)

    def _run(self, cast: casting.Cast) -> None:
        ending = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ending.set())
        pace = env.integer("DEMO_PACE_MS", 1500, minimum=1) / 1000
        day = env.integer("DEMO_DAY_SECONDS", 120, minimum=1)
        for activity, seconds in _activities(cast, pace, day):
            threading.Thread(target=_repeat, args=(ending, activity, seconds), daemon=True).start()
        ending.wait()


def _activities(cast: casting.Cast, pace: float, day: float) -> list[tuple[Callable[[], None], float]]:
    chance = random.Random
    activities: list[tuple[Callable[[], None], float]] = [
        (Webshop(cast, channel, chance()).sell, pace) for channel in cast.webshops
    ]
    activities += [(Counter(cast, number, chance(), day=day).sell, pace * 1.3) for number in range(len(cast.stores))]
    activities += [(ReturnsDesk(cast, chance()).take_back, pace * 5), (BackOffice(cast).close, day)]
    activities += [(asking.Asking(cast, chance()).ask, pace * 12)]
    return activities


def _repeat(ending: threading.Event, activity: Callable[[], None], seconds: float) -> None:
    """Repeat an activity at irregular intervals of `seconds` on average; a fault is logged and does not end it."""
    while not ending.wait(random.uniform(0.4, 1.6) * seconds):  # noqa: S311 (no secret)
        try:
            activity()
        except Exception:
            logger.exception("an activity of the demo failed")
            ending.wait(TROUBLED)
