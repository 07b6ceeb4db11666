"""Who may do what: users, roles, API keys, approvals, customers."""
