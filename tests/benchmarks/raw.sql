-- The raw floor: pgbench -c 8 -j 2 -M prepared -f raw.sql. What any ledger must write, in one statement.
\set account random(1, 1000)
\set amount random(1, 100000)
WITH t AS (
    INSERT INTO bench.transaction (event, merchant, occurred_at)
    VALUES ('captured', 'mer_01kaf3n1p2q3r4s5t6v7w8x9yz', now())
    RETURNING id
)
INSERT INTO bench.entry (transaction_id, account, amount)
SELECT t.id, l.account, l.amount
FROM t, (VALUES (:account::int, :amount::bigint), (0, -(:amount::bigint))) l (account, amount);
