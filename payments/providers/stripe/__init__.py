"""Stripe, through its official SDK: PaymentIntents, Checkout Sessions, refunds, disputes and their webhooks."""
