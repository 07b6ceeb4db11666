"""Mollie, over its REST API (version 2): payments, captures, refunds, chargebacks and both of its kinds of webhook."""
