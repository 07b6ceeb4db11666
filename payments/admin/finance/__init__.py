"""Pages for finance: dashboard, books, sales by day, approvals."""
