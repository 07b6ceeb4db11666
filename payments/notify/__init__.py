"""Telling others: events, webhook endpoints, deliveries, receipts."""
