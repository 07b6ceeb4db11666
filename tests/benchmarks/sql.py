"""The statements of the benchmarks: the raw floor's tables, copies, and the plain sum."""

from typing import Final

# One transaction and two entries, a foreign key between them and two secondary indexes.
MAKE_RAW: Final = """
    CREATE SCHEMA bench;
    CREATE TABLE bench.transaction (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event text NOT NULL,
        merchant text NOT NULL,
        occurred_at timestamptz NOT NULL
    );
    CREATE TABLE bench.entry (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        transaction_id bigint NOT NULL REFERENCES bench.transaction,
        account integer NOT NULL,
        amount bigint NOT NULL
    );
    CREATE INDEX ON bench.entry (transaction_id);
    CREATE INDEX ON bench.entry (account, id);
"""
DROP_ALL: Final = "DROP SCHEMA bench CASCADE"

BALANCE_CHECK: Final = "ALTER TABLE ledger_posting {} TRIGGER ledger_check_postings"

ANALYZE: Final = "VACUUM ANALYZE ledger_posting"
SUM: Final = "SELECT sum(amount) FROM ledger_posting WHERE account_id = %s"

TABLES: Final = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""
WRITTEN_NOW: Final = "COPY (SELECT * FROM public.{} WHERE xmin = pg_current_xact_id()::xid) TO STDOUT"
# The same columns, checks and indexes; no triggers and no foreign keys.
MAKE_COPY: Final = "CREATE TABLE bench.{0} (LIKE public.{0} INCLUDING CONSTRAINTS INCLUDING INDEXES)"
COPY: Final = "COPY bench.{} FROM STDIN"
EMPTY: Final = "TRUNCATE bench.{}"

# Copies of one payment with its order and its sale, each with ids and references of its own.
_COPY: Final = """
    INSERT INTO payments_{0}
    SELECT copied.* FROM payments_{0} row, generate_series(1, %(count)s::int) number,
        LATERAL jsonb_populate_record(row, {1}) copied
    WHERE {2}
"""
_ID: Final = "'{}_' || %(name)s::text || lpad(number::text, 20, '0')"
_REFERENCE: Final = "'copy_' || %(name)s::text || '_' || number"
_MEMBERS: Final = {
    "order": f"'id', {_ID.format('ord')}, 'reference', {_REFERENCE}",
    "payment": (
        f"'id', {_ID.format('pay')}, 'order_id', {_ID.format('ord')}, 'item', nextval('ledger_item'), "
        f"'provider_reference', {_REFERENCE}, 'receipt_number', NULL"
    ),
    "operation": (f"'id', {_ID.format('op')}, 'payment_id', {_ID.format('pay')}, 'provider_reference', {_REFERENCE}"),
}
COPY_PAYMENT: Final = (
    *(
        _COPY.format(table, f"jsonb_build_object({_MEMBERS[table]})", where)
        for table, where in (
            ("order", "row.id = (SELECT order_id FROM payments_payment WHERE id = %(payment)s)"),
            ("payment", "row.id = %(payment)s"),
            ("operation", "row.payment_id = %(payment)s AND row.verb = 'sale'"),
        )
    ),
    "ANALYZE payments_order, payments_payment, payments_operation",
)

# The evidence of a card payment, as often, each with numbers of its own.
COPY_EVIDENCE: Final = (
    _COPY.format(
        "cardevidence",
        f"""jsonb_build_object(
            'id', {_ID.format("txn")}, 'payment_id', {_ID.format("pay")}, 'operation_id', {_ID.format("op")},
            'sequence', row.sequence + number, 'rrn', lpad(number::text, 12, '0'),
            'stan', lpad((number %% 1000000)::text, 6, '0'), 'authorization_code', lpad(number::text, 8, '0')
        )""",
        "row.payment_id = %(payment)s",
    ),
    "ANALYZE payments_cardevidence",
)
# As an import finds the table.
MATCHES_AGAIN: Final = "DROP INDEX IF EXISTS staged_match_position; TRUNCATE staged_settlement_match"
STORED_LINES: Final = """
    COPY (
        SELECT line.* FROM reconciliation_settlementline line
        JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
        WHERE settlement.file_id = '{}'
    ) TO STDOUT
"""

# One payment of long ago, by all that it may be looked for with.
NEEDLE: Final = """
    SELECT row.amount, row.card_last4, row.receipt_number, row.business_day, payments_order.reference
    FROM payments_payment row JOIN payments_order ON payments_order.id = row.order_id
    WHERE row.merchant_id = %(merchant)s AND row.receipt_number IS NOT NULL AND row.card_last4 IS NOT NULL
        AND payments_order.reference IS NOT NULL
    ORDER BY row.id LIMIT 1
"""
# Copies of a merchant's orders and payments, numbered from `first` to `last`, beside the originals in time; and the
# statistics of all of them.
_NUMBERED: Final = "left(row.{}, -8) || lpad(number::text, 8, '0')"  # fewer digits are another row's now and then
_NAMED: Final = "row.{} || '~' || number"
GROW: Final = (
    f"""
    INSERT INTO payments_payment
    SELECT copied.* FROM payments_payment row, generate_series(%(first)s::int, %(last)s::int) number,
        LATERAL jsonb_populate_record(row, jsonb_build_object(
            'id', {_NUMBERED.format("id")}, 'order_id', {_NUMBERED.format("order_id")}, 'item', nextval('ledger_item'),
            'provider_reference', {_NAMED.format("provider_reference")},
            'receipt_number', {_NAMED.format("receipt_number")}, 'description', 'copy'
        )) copied
    WHERE row.merchant_id = %(merchant)s AND row.description = ''
    """,
    f"""
    INSERT INTO payments_order
    SELECT copied.* FROM payments_order row, generate_series(%(first)s::int, %(last)s::int) number,
        LATERAL jsonb_populate_record(row, jsonb_build_object(
            'id', {_NUMBERED.format("id")}, 'reference', COALESCE(row.reference, row.id) || '~' || number
        )) copied
    WHERE row.merchant_id = %(merchant)s AND (row.reference IS NULL OR row.reference NOT LIKE '%%~%%')
    """,
    """
    UPDATE payments_statistictotal SET
        sales_count = sales_count * n.times, sales_amount = sales_amount * n.times,
        refunds_count = refunds_count * n.times, refunds_amount = refunds_amount * n.times
    FROM (SELECT (%(last)s::int + 1) / %(first)s::int AS times) n
    WHERE merchant_id = %(merchant)s
    """,
)
LEARN: Final = "VACUUM ANALYZE payments_order, payments_payment, payments_statistictotal"

# Rows of the bare view, each as large as one of ours.
MAKE_BARE: Final = "CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, content text NOT NULL)"
WRITE_BARE: Final = "INSERT INTO bare (content) SELECT unnest(%s::text[])"
# What the transaction that wrote the newest payment wrote into one table.
SIZE_OF_LAST: Final = """
    SELECT count(*), COALESCE(sum(pg_column_size(row.*)), 0) FROM public.{} row
    WHERE row.xmin = (SELECT xmin FROM public.payments_payment ORDER BY id DESC LIMIT 1)
"""
