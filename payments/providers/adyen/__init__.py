"""Adyen, over its Checkout API: sessions, payments, modifications that are answered later, and signed webhooks."""
