"""Connections of the pool that the threads of a web process share."""

from select import POLLIN, poll
from typing import Any

import psycopg
from psycopg.rows import TupleRow


class Connection(psycopg.Connection[TupleRow]):
    """One that asks the server whether it is still there only where there is reason to.

    With every request the pool sends an empty query, and waits for its answer. But a connection that nobody uses has
    nothing to be read, unless the server has ended it (or says something else): then the pool's question is put.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> psycopg.Cursor[TupleRow]:
        if query == "" and not self._has_something_to_read():
            return self.cursor()
        return super().execute(query, params, **options)

    def _has_something_to_read(self) -> bool:
        socket = poll()
        socket.register(self.fileno(), POLLIN)
        return bool(socket.poll(0))
