"""Free ports that stay free until they are used, also while other test processes look for some.

They lie below those that the kernel gives to outgoing connections: a client that keeps asking a server that was killed
could otherwise be given that very port, connect to itself, and keep the server from coming back.
"""

import os
import socket
from contextlib import suppress
from typing import Final

FIRST: Final = 20_000
BLOCKS: Final = 600
SIZE: Final = 20  # the first of a block is its guard, the others are given away

_guards: Final[list[socket.socket]] = []


def free_ports(count: int = 1) -> int:
    """The first of `count` neighboring free ports, which are this process's own for as long as it lives."""
    for number in range(BLOCKS):
        guard = FIRST + (os.getpid() * 7 + number) % BLOCKS * SIZE
        with suppress(OSError):
            sockets = [_bound(port) for port in range(guard, guard + 1 + count)]
            _guards.append(sockets.pop(0))
            for each in sockets:
                each.close()
            return guard + 1
    raise AssertionError("no free ports")


def _bound(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))
