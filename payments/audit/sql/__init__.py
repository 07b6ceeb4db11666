"""The audit's queries. Each row that one returns is a violation: (subject, what is wrong). Amounts in minor units."""
