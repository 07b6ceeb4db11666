-- What post() asks PostgreSQL for one entry, with the digest that Python would make: pgbench -c 8 -j 2 -M prepared.
\set high random(0, 1000000000000)
\set low random(0, 1000000000000)
\set item random(1, 1000000000)
\set amount random(1, 100000)
SELECT ledger_post_one(
    'jrn_' || e.id, e.key, 'captured', :merchant::text, e.moment::date, e.moment, NULL,
    encode(sha256(convert_to(concat_ws(E'\n', e.key, 'captured', :merchant::text,
        (extract(epoch FROM e.moment) * 1000000)::bigint, '', :receivable::int || ':' || :item::bigint || ':' || :amount::bigint,
        :takings::int || '::' || -(:amount::bigint)), 'UTF8')), 'hex'),
    ARRAY[:receivable::int, :takings::int], ARRAY[:item::bigint, NULL], ARRAY[:amount::bigint, -(:amount::bigint)]
)
FROM (
    SELECT n.id, 'capture:' || 'op_' || n.id AS key, clock_timestamp() AS moment
    FROM (SELECT lpad(to_hex(:high::bigint), 13, '0') || lpad(to_hex(:low::bigint), 13, '0') AS id OFFSET 0) n
    OFFSET 0
) e;
