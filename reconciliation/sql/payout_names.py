"""Which payouts a bank line names, which providers it is from, and which sets of payouts it can only be.

Filled into temporary tables once, for lines of a file or for stored ones, and read by what matches them.
"""

from typing import Any, Final

from django.db import connection

from reconciliation.sql.allocations import ALLOCATED

UNSPACED: Final = r"regexp_replace({0}, '\s', '', 'g')"
TEXTS: Final = "concat_ws('|', {0}.remittance, {0}.end_to_end_id, {0}.batch, {0}.bank_reference)"
# Mollie's settlements (1234567.2404.03) stand on some banks' lines with a T in front.
_PATTERN: Final = rf"""('(^|[^[:alnum:]])'
    || CASE WHEN {{0}}.reference ~ '^[0-9]+[.][0-9]+[.][0-9]+$' THEN '(T\s*)?' ELSE '' END || regexp_replace(
    regexp_replace({UNSPACED.format("{0}.reference")}, '([^[:alnum:]])', '\\\1', 'g'), '(\\?.)', '\s*\1', 'g')
    || '($|[^[:alnum:]])')"""
REFERENCE: Final = UNSPACED.format("payout.reference")
# The cheap half of the test, without a regular expression for each pair: no word contains what its letters do not.
WITHIN: Final = f"position(upper({REFERENCE}) IN upper({UNSPACED.format('line.texts')})) > 0"
WORD: Final = f"(line.texts ~* {_PATTERN.format('payout')})"
LETTERED: Final = "payout.reference ~ '[[:alpha:]]'"
# Ten digits, or five characters of which one is a letter: shorter ones occur by chance.
TELLING: Final = f"""
({LETTERED} AND length(regexp_replace(payout.reference, '[^[:alnum:]]', '', 'g')) >= 5
 OR length(regexp_replace(payout.reference, '[^0-9]', '', 'g')) >= 10)
"""
# A provider's money: by its name as words of their own, its number with the provider, or the account that an earlier
# payout of it came from.
PROVIDERS: Final = rf"""
SELECT line.position, account.id
FROM line
JOIN payments_provideraccount account
  ON account.merchant_id = %(merchant)s AND account.provider <> 'recorded'
 AND (line.counterparty_name ~* ('\m' || regexp_replace(account.provider, '[_[:space:]]+', '[ _-]?', 'g') || '\M')
      OR account.name ~ '[[:alnum:]]' AND line.counterparty_name ~* (
             '(^|[^[:alnum:]])' || regexp_replace(account.name, '([^[:alnum:][:space:]])', '\\\1', 'g')
             || '($|[^[:alnum:]])')
      OR length(account.external_id) > 3 AND position(account.external_id IN line.texts) > 0
      OR (account.id, line.counterparty_iban) IN (
             SELECT paid.provider_account_id, earlier.counterparty_iban
             FROM reconciliation_payout paid
             JOIN ({ALLOCATED}) part ON part.payout_id = paid.id
             JOIN reconciliation_bankstatementline earlier ON earlier.id = part.bank_line_id
             WHERE paid.merchant_id = %(merchant)s AND earlier.counterparty_iban <> ''
         ))
"""
STAGED: Final = f"SELECT staged.*, {TEXTS.format('staged')} AS texts FROM staged_statement_line staged"
# What a person has not taken back, and no more of it than was in suspense from the beginning.
STORED: Final = f"""
SELECT stored.id AS position, stored.amount, stored.currency, stored.counterparty_name, stored.counterparty_iban,
       stored.booked_on, {TEXTS.format("stored")} AS texts
FROM reconciliation_bankstatementline stored
JOIN reconciliation_bankstatement statement ON statement.id = stored.statement_id
WHERE statement.merchant_id = %(merchant)s AND statement.kind = 'statement'
  AND stored.state = 'suspense' AND stored.undone = 0
"""
# Days before the one on which a payout is expected (else known) from which on a line may be about it: its settlement
# may be imported days after the bank has paid it. How long after, says the account's rule.
BEFORE: Final = 10
# How an account's rules for several payouts or transfers at once are set (`services/matching_rules.py`).
RULE_OFF: Final = """EXISTS (
    SELECT FROM reconciliation_matchingrule off
    WHERE off.provider_account_id = {account} AND off.rule = '{rule}' AND NOT off.enabled
)"""
RULE_DAYS: Final = """COALESCE((
    SELECT rule.window_days FROM reconciliation_matchingrule rule
    WHERE rule.provider_account_id = {account} AND rule.rule = '{rule}'
), 60)"""
_NO_SET: Final = RULE_OFF.format(rule="payout_set", account="staged_payout_name.provider_account_id")
_SET: Final = {"rule": "payout_set", "account": "reconciliation_payout.provider_account_id"}
KNOWN_FOR: Final = 60  # days in which a payout that is done is known when it is named once more
_NAMES: Final = f"""
INSERT INTO staged_payout_name
WITH line AS ({{lines}}),
named AS (
    SELECT line.position, line.amount, line.texts, payout.id, payout.provider_account_id, payout.status,
           payout.reference, payout.amount AS whole, payout.amount - payout.amount_received AS owed,
           {WORD} AS word, {TELLING} AS telling, {LETTERED} AS lettered
    FROM line
    JOIN reconciliation_payout payout
      ON payout.merchant_id = %(merchant)s AND payout.currency = line.currency AND {WITHIN}
     AND (payout.status = 'announced'
          OR COALESCE(payout.received_on, payout.expected_on, payout.created_at::date) > line.booked_on - {KNOWN_FOR})
)
SELECT named.position, named.amount, named.id, named.provider_account_id, named.status, named.whole, named.owed,
       length(named.reference), named.word, named.telling, named.lettered,
       EXISTS (
           SELECT FROM staged_payout_provider provider
           WHERE provider.position = named.position AND provider.id = named.provider_account_id
       ),
       -- One that only stands within a longer one's name is not named by itself.
       NOT EXISTS (
           SELECT FROM named longer
           WHERE longer.position = named.position AND length(longer.reference) > length(named.reference)
             AND longer.word
             AND regexp_replace(named.texts, {_PATTERN.format("longer")}, ' | ', 'gi') !~* {_PATTERN.format("named")}
       )
FROM named
"""
# A set is taken only if it is the one that fits: the payouts of one provider that a line names and that come to its
# amount, or all that are open of the one provider that it is from. A payout that fits two lines is in neither.
_SETS: Final = f"""
INSERT INTO staged_payout_part
WITH line AS ({{lines}}),
eligible AS (
    SELECT * FROM staged_payout_name
    WHERE status = 'announced' AND word AND alone AND (telling OR lettered OR by_provider)
      AND sign(owed) = sign(amount) AND NOT {_NO_SET}
),
counted AS (
    SELECT position, amount, count(*) AS many, count(DISTINCT provider_account_id) AS providers, sum(owed) AS together,
           count(*) FILTER (WHERE telling) AS telling, sum(owed) FILTER (WHERE telling) AS telling_together,
           count(DISTINCT provider_account_id) FILTER (WHERE telling) AS telling_providers
    FROM eligible GROUP BY position, amount
),
named AS (
    SELECT eligible.position, eligible.payout_id, eligible.owed
    FROM eligible JOIN counted ON counted.position = eligible.position
    WHERE counted.many > 1 AND counted.providers = 1 AND counted.together = counted.amount
       OR counted.telling > 1 AND counted.telling_providers = 1 AND counted.telling_together = counted.amount
          AND eligible.telling
),
waiting AS (
    SELECT provider_account_id, currency, id, amount - amount_received AS owed,
           count(*) OVER whole AS many, sum(amount - amount_received) OVER whole AS together,
           min(COALESCE(expected_on, created_at::date)) OVER whole - {BEFORE} AS since,
           max(COALESCE(expected_on, created_at::date)) OVER whole + {RULE_DAYS.format(**_SET)} AS until
    FROM reconciliation_payout
    WHERE merchant_id = %(merchant)s AND status = 'announced' AND NOT {RULE_OFF.format(**_SET)}
    WINDOW whole AS (PARTITION BY provider_account_id, currency)
),
of_provider AS (
    SELECT line.position, waiting.id AS payout_id, waiting.owed
    FROM line
    JOIN staged_payout_provider provider ON provider.position = line.position
    JOIN waiting
      ON waiting.provider_account_id = provider.id AND waiting.currency = line.currency AND waiting.many > 1
     AND waiting.together = line.amount AND sign(waiting.owed) = sign(line.amount)
     AND line.booked_on BETWEEN waiting.since AND waiting.until
    WHERE line.amount <> 0
      AND NOT EXISTS (SELECT FROM staged_payout_name named WHERE named.position = line.position AND named.word)
      AND NOT EXISTS (
          SELECT FROM staged_payout_provider other WHERE other.position = line.position AND other.id <> provider.id
      )
),
either AS (SELECT * FROM named UNION SELECT * FROM of_provider),
doubtful AS (
    SELECT either.position FROM either
    WHERE EXISTS (
        SELECT FROM either other WHERE other.payout_id = either.payout_id AND other.position <> either.position
    ) OR EXISTS (
        SELECT FROM eligible other
        WHERE other.payout_id = either.payout_id AND other.position <> either.position AND other.telling
    )
)
SELECT * FROM either WHERE position NOT IN (SELECT position FROM doubtful)
"""
_EMPTY: Final = "TRUNCATE staged_payout_provider, staged_payout_name, staged_payout_part"


def find_names(lines: str, *, merchant_id: str) -> None:
    """Fill the temporary tables for these lines: a query that knows the merchant, as `STAGED` and `STORED`."""
    values: dict[str, Any] = {"merchant": merchant_id}
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY)
        providers = f"INSERT INTO staged_payout_provider WITH line AS ({lines}) {PROVIDERS}"
        for statement in (providers, _NAMES.format(lines=lines), _SETS.format(lines=lines)):
            cursor.execute(statement, values)


def payout_parts() -> dict[int, list[tuple[str, int]]]:
    """(payout, amount) of each line that is a set of payouts."""
    found: dict[int, list[tuple[str, int]]] = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT position, payout_id, amount FROM staged_payout_part ORDER BY position, payout_id")
        for position, payout_id, amount in cursor.fetchall():
            found.setdefault(position, []).append((payout_id, amount))
    return found
