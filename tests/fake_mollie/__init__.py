"""A Mollie that remembers: payments, captures, refunds, chargebacks, terminals, settlements, and its two kinds of webhook."""
