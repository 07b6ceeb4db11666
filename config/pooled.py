"""Connections of the pool that the threads of a web process share."""

from select import POLLIN, poll
from typing import Any

import psycopg
from psycopg.rows import TupleRow


class Connection(psycopg.Connection[TupleRow]):
    """A connection that skips the pool's probe if its socket has nothing to read.

    At every request the pool sends an empty query and waits for the answer. An idle connection has nothing to read
    unless the server has closed it (or sent a notice): only then is the probe sent.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> psycopg.Cursor[TupleRow]:
        if query == "" and not self._has_something_to_read():
            return self.cursor()
        return super().execute(query, params, **options)

    def _has_something_to_read(self) -> bool:
        socket = poll()
        socket.register(self.fileno(), POLLIN)
        return bool(socket.poll(0))
