"""Which part of which bank line is which payout, as other queries read it."""

from typing import Final

# A line that the version before this one matched, during an update, has its payout in its own column alone.
ALLOCATED: Final = """
SELECT bank_line_id, payout_id, amount FROM reconciliation_payoutallocation WHERE undone_at IS NULL
UNION ALL
SELECT line.id, line.payout_id, line.amount
FROM reconciliation_bankstatementline line
WHERE line.payout_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM reconciliation_payoutallocation part WHERE part.bank_line_id = line.id
)
"""
