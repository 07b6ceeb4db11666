"""The fake by itself, for a shop on this machine: `python -m tests.fake_stripe 12111 [NAME=WEBHOOK_URL …]`."""

import sys
import time

from tests.fake_stripe.server import FakeStripe

port, *addresses = sys.argv[1:] or ["12111"]
running = FakeStripe(int(port))
for each in addresses:
    name, _, url = each.partition("=")
    running.account(f"sk_test_{name}").webhook_url = url
print(f"export STRIPE_API_BASE={running.url}", flush=True)
print("Any secret_key sk_test_NAME opens an account whose webhook_secret is whsec_NAME.", flush=True)
while True:
    time.sleep(3600)
