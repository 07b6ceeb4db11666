"""Know a paired browser again by its token."""

from terminals.models import CounterBrowser
from terminals.services.counter.tokens import hash_of


def paired_by(token: str) -> CounterBrowser | None:
    """The browser that was given this token; None: there is none, it was unpaired, or its store is closed."""
    if not token:
        return None
    rows = CounterBrowser.objects.select_related("merchant", "channel__merchant")
    return rows.filter(token_hash=hash_of(token), channel__active=True).first()
