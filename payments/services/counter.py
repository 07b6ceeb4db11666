"""Where somebody stands at a counter: cash changes hands there, and terminals are."""

from typing import Final

from payments.errors import Invalid
from payments.models import Channel

_WITH_COUNTER: Final = frozenset({Channel.Kind.IN_STORE, Channel.Kind.REMOTE})


def check_counter(channel: Channel, *, what: str) -> None:
    """Refuse `what` in a channel that customers only see on a screen.

    Raises:
        Invalid: `channel_kind`, with the `kinds` that are possible.
    """
    if channel.kind not in _WITH_COUNTER:
        raise Invalid(
            "channel_kind",
            f"{what} needs a channel of the kind in_store or remote, and {channel.name} is {channel.kind}. Use a store "
            "as channel.",
            param="channel",
            kinds=sorted(_WITH_COUNTER),
        )
