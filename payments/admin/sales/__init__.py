"""Pages about sales: orders, payments, refunds, chargebacks, vouchers, receipts."""
