"""The chain's statements. Table and columns come from our own registry, never from anybody's words."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from payments.ledger.chain import Chained

# Two runs at once would note the same rows in two blocks.
TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('ledger:chain', 0))"
LAST: Final = """
    SELECT number, through, digest FROM ledger_chainblock WHERE table_name = %s ORDER BY number DESC LIMIT 1
"""
ADD: Final = """
    INSERT INTO ledger_chainblock (table_name, number, through, ids, hashes, digest, made_at)
    VALUES (%s, %s, %s, %s::text[], %s::text[], %s, clock_timestamp())
"""
BLOCKS: Final = "SELECT number, ids, hashes, digest FROM ledger_chainblock WHERE table_name = %s ORDER BY number"
DIGEST: Final = "SELECT digest FROM ledger_chainblock WHERE table_name = %s AND number = %s"


def due(chained: "Chained", *, begun: bool) -> str:
    """The next rows, up to the newest that is old enough while no transaction of ours is older."""
    after = f"t.id > %(after)s::{chained.id_type}" if begun else "true"
    return f"""
        SELECT t.id::text, {_hash(chained)}
        FROM {chained.table} t
        WHERE {after} AND t.id <= (
            SELECT n.id FROM {chained.table} n
            WHERE n.{chained.moment} < (
                SELECT least(now(), min(a.xact_start)) - %(behind)s::interval
                FROM pg_stat_activity a WHERE a.datname = current_database()
            )
            ORDER BY n.id DESC LIMIT 1
        )
        ORDER BY t.id LIMIT %(most)s
    """


def differing(chained: "Chained") -> str:
    """Noted rows that are gone, or whose hash is another: (id, block, whether it is gone)."""
    return f"""
        SELECT n.id, b.number, t.id IS NULL
        FROM ledger_chainblock b
        CROSS JOIN LATERAL unnest(b.ids, b.hashes) AS n (id, hash)
        LEFT JOIN {chained.table} t ON t.id = n.id::{chained.id_type}
        WHERE b.table_name = %s AND (t.id IS NULL OR {_hash(chained)} <> n.hash)
        ORDER BY b.number, n.id
    """


def _hash(chained: "Chained") -> str:
    columns = ", ".join(f"t.{column}" for column in chained.columns)
    return f"left(encode(sha256(convert_to(ROW({columns})::text, 'UTF8')), 'hex'), 32)"
