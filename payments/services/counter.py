"""Which channels have a counter: cash is taken there, and terminals stand there."""

from payments.core.errors import Invalid
from payments.models import Channel
from payments.models.merchant import WITH_COUNTER


def check_counter(channel: Channel, *, what: str) -> None:
    """Refuse `what` in a channel that customers only see on a screen.

    Raises:
        Invalid: `channel_kind`, with the `kinds` that are possible.
    """
    if channel.kind not in WITH_COUNTER:
        raise Invalid(
            "channel_kind",
            f"{what} needs a channel of the kind in_store or remote, and {channel.name} is {channel.kind}. Use a store "
            "as channel.",
            param="channel",
            kinds=sorted(WITH_COUNTER),
        )
