"""The fake by itself, for a shop on this machine: `python -m tests.fake_mollie 12113 [NAME=WEBHOOK_URL …]`."""

import sys
import time

from tests.fake_mollie.server import FakeMollie

port, *addresses = sys.argv[1:] or ["12113"]
running = FakeMollie(int(port))
for each in addresses:
    name, _, url = each.partition("=")
    running.account(name).webhook_url = url
    print(f"{name}: {running.account(name).secrets}", flush=True)
print(f"export MOLLIE_API_BASE={running.url}", flush=True)
while True:
    time.sleep(3600)
